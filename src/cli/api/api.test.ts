import { describe, expect, it } from 'vitest';
import { applyPatch } from './apply-patch.ts';
import { parseManifests } from './read-manifests.ts';
import { parseTarget } from './target.ts';

describe('applyPatch', () => {
  const live = { spec: { replicas: 3, paused: true, extra: 'theirs', list: [{ name: 'a', defaulted: 1 }] } };

  it('is nothing when the server has all that is wanted, defaults included', () => {
    const wanted = { spec: { replicas: 3, list: [{ name: 'a' }] } };
    expect(applyPatch(wanted, wanted, live)).toBeUndefined();
  });

  it('changes only what differs', () => {
    expect(applyPatch(undefined, { spec: { replicas: 5, paused: true } }, live)).toEqual({ spec: { replicas: 5 } });
  });

  it('removes what was applied before and is not any more, and leaves what others own', () => {
    const last = { spec: { replicas: 3, paused: true } };
    expect(applyPatch(last, { spec: { replicas: 3 } }, live)).toEqual({ spec: { paused: null } });
  });

  it('replaces a list as a whole', () => {
    const list = [{ name: 'a' }, { name: 'b' }];
    expect(applyPatch(undefined, { spec: { list } }, live)).toEqual({ spec: { list } });
  });

  it('removes nothing that is gone already', () => {
    expect(applyPatch({ spec: { gone: 1 } }, { spec: {} }, live)).toBeUndefined();
  });
});

describe('parseManifests', () => {
  it('reads several documents, lists, JSON, and skips empty ones', () => {
    const one = (name: string) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}}`;
    const text = `---\n# nothing\n---\n${one('a')}\n---\napiVersion: v1\nkind: List\nitems: [${one('b')}, ${one('c')}]\n`;
    expect(parseManifests(text, 'f').map((object) => object.metadata.name)).toEqual(['a', 'b', 'c']);
  });

  it('says what is wrong and in which file', () => {
    expect(() => parseManifests('kind: Pod\nmetadata: { name: a }\n', 'x.yaml')).toThrow(
      'x.yaml: apiVersion is missing',
    );
    expect(() => parseManifests('a: [', 'x.yaml')).toThrow(/x\.yaml.*line 1/s);
    expect(() => parseManifests('just text', 'x.yaml')).toThrow('apiVersion is missing');
  });
});

describe('parseTarget', () => {
  it('reads both ways of naming an object', () => {
    expect(parseTarget('deployment/hello', undefined)).toEqual({ resource: 'deployment', name: 'hello' });
    expect(parseTarget('pods', 'a')).toEqual({ resource: 'pods', name: 'a' });
    expect(() => parseTarget('pod/a', 'b')).toThrow('once');
  });
});
