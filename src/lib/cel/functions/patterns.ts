/** Patterns in RE2's language: matched in linear time, whatever they are. */
import { RE2JS } from 're2js';
import { CelEvaluationError } from '../errors.ts';

const maxCached = 512;
const cache = new Map<string, RE2JS>();

/** Compiled, and kept for the next time. @throws CelEvaluationError where RE2 cannot read it. */
export function compilePattern(pattern: string): RE2JS {
  const known = cache.get(pattern);
  if (known) return known;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    throw new CelEvaluationError((error as Error).message, { cause: error });
  }
  if (cache.size >= maxCached) cache.delete(cache.keys().next().value!);
  cache.set(pattern, compiled);
  return compiled;
}

export function matchesPattern(text: string, pattern: string): boolean {
  return compilePattern(pattern).matcher(text).find();
}

/** At most `limit` matches, all where it is negative. */
export function findAll(text: string, pattern: string, limit: number): string[] {
  const matcher = compilePattern(pattern).matcher(text);
  const found: string[] = [];
  while ((limit < 0 || found.length < limit) && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}
