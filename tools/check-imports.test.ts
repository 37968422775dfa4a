import { expect, test } from 'vitest';
import { checkImports } from './check-imports.ts';

const rules = { 'src/lib': [], 'src/raft/core': ['src/lib'], 'src/raft': ['src/lib'], 'src/api': ['src/lib'] };
const check = (file: string, text: string) => checkImports(new Map([[file, text]]), rules).map((item) => item.imports);

test('a folder may import itself and what its rule names', () => {
  expect(check('src/api/a.ts', `import { x } from './b.ts';\nimport type { y } from '../lib/y.ts';`)).toEqual([]);
});

test('anything else is a violation, whatever the form of the import', () => {
  expect(check('src/api/a.ts', `import { x } from '../raft/x.ts';`)).toEqual(['src/raft/x.ts']);
  expect(check('src/api/a.ts', `export {\n  x,\n} from '../raft/x.ts';`)).toEqual(['src/raft/x.ts']);
  expect(check('src/api/a.ts', `const x = await import('../raft/x.ts');`)).toEqual(['src/raft/x.ts']);
  expect(check('src/lib/a.ts', `import '../api/x.ts';`)).toEqual(['src/api/x.ts']);
});

test('a folder may import its own stricter part, but the part not the folder', () => {
  expect(check('src/raft/node.ts', `import { x } from './core/raft.ts';`)).toEqual([]);
  expect(check('src/raft/core/raft.ts', `import { x } from '../node.ts';`)).toEqual(['src/raft/node.ts']);
});
