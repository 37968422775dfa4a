/** Whether anything in this test file has failed: then its clusters are of interest, and their folders stay. */
let failed = false;

export function noteFailure(): void {
  failed = true;
}

export function hasFailed(): boolean {
  return failed;
}
