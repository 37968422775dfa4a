import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Balancer } from './balancer.ts';

describe('Balancer', () => {
  it('prefers a healthy backend, however many connections it has', () => {
    const balancer = new Balancer(['a', 'b']);
    balancer.setHealthy('b', true);
    balancer.opened('b');
    expect(balancer.choose()).toBe('b');
  });

  it('chooses the healthy backend with the fewest connections', () => {
    const balancer = new Balancer(['a', 'b', 'c']);
    for (const name of ['a', 'b', 'c']) balancer.setHealthy(name, true);
    balancer.opened('a');
    balancer.opened('c');
    expect(balancer.choose()).toBe('b');
    balancer.opened('b');
    balancer.opened('b');
    balancer.closed('c');
    expect(balancer.choose()).toBe('c');
  });

  it('takes other names: what stays keeps its health, a connection to what left may still end', () => {
    const balancer = new Balancer(['a', 'b']);
    balancer.setHealthy('a', true);
    balancer.setHealthy('b', true);
    balancer.opened('b');
    balancer.setNames(['a', 'c']);
    balancer.closed('b');
    expect(balancer.setHealthy('b', false)).toBe(false);
    expect(balancer.state()).toEqual([
      { name: 'a', healthy: true, connections: 0 },
      { name: 'c', healthy: false, connections: 0 },
    ]);
  });

  it('goes round among equals', () => {
    const balancer = new Balancer(['a', 'b', 'c']);
    const chosen = new Set([balancer.choose(), balancer.choose(), balancer.choose()]);
    expect(chosen.size).toBe(3);
  });

  it('falls back to unhealthy backends, and ends when all were tried', () => {
    const balancer = new Balancer(['a', 'b']);
    balancer.setHealthy('a', true);
    expect(balancer.choose(new Set(['a']))).toBe('b');
    expect(balancer.choose(new Set(['a', 'b']))).toBeUndefined();
  });

  it('refuses no backends, the same name twice and unknown names', () => {
    expect(() => new Balancer([])).toThrow('no backend');
    expect(() => new Balancer(['a', 'a'])).toThrow('twice');
    expect(() => new Balancer(['a']).opened('b')).toThrow('"b"');
  });

  it('keeps connections even when nothing is ever closed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 100 }), (backends, connections) => {
        const names = Array.from({ length: backends }, (_, index) => `b${index}`);
        const balancer = new Balancer(names);
        for (const name of names) balancer.setHealthy(name, true);
        for (let index = 0; index < connections; index++) balancer.opened(balancer.choose()!);
        const counts = balancer.state().map((state) => state.connections);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(counts.reduce((sum, count) => sum + count)).toBe(connections);
      }),
    );
  });
});
