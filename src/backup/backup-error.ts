/** A backup that cannot be made, found or used; the message says what to do. */
export type BackupErrorCode =
  /** The file is not what was written: cut short, changed, or no backup at all. */
  | 'damaged'
  | 'not-found'
  /** The place where backups are kept refuses or does not answer. */
  | 'unavailable'
  | 'invalid';

export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
