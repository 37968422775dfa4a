/** Entry of `./trimast`. Exit codes: 0 fine, 1 failure, 2 wrong usage; `kubectl` and `test` pass on those of what they run. */
import { CommanderError } from 'commander';
import { CliError, describeError } from './cli-error.ts';
import { createProgram } from './program.ts';

const oldestNode = 24;

async function main(): Promise<void> {
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    throw new CliError(
      `Node.js ${oldestNode} or newer is needed, this is ${process.version}; start it through ./trimast`,
    );
  }
  const program = createProgram();
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride();
  }
  if (process.argv.length <= 2) {
    program.outputHelp();
    return;
  }
  await program.parseAsync();
}

// A reader that has seen enough (`| head`) closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await main();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed what is wrong, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const message = process.env.TRIMAST_DEBUG && error instanceof Error ? error.stack : describeError(error);
    process.stderr.write(`trimast: ${message}\n`);
    process.exitCode = error instanceof CliError ? error.exitCode : 1;
  }
}
