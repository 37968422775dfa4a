/** RFC 3339 in whole seconds, as metav1.Time is written. */
export function timestampOf(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}
