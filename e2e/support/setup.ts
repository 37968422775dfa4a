import { afterEach } from 'vitest';
import { noteFailure } from './failures.ts';

afterEach(({ task }) => {
  if (task.result?.state === 'fail') noteFailure();
});
