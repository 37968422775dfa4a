/** Where backups are kept: a folder or a bucket. */
export interface StoredBackup {
  readonly name: string;
  readonly bytes: number;
}

export interface BackupTarget {
  /** For people: where it is. */
  readonly description: string;
  /** The name appears only when all of the content is there. An error of `content` leaves nothing behind. @throws BackupError */
  write(name: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Of this place only what ends in `.backup`; in order of name. @throws BackupError */
  list(): Promise<StoredBackup[]>;
  /** @throws BackupError not-found, unavailable */
  read(name: string): Promise<AsyncIterable<Uint8Array>>;
  /** What is gone already is fine. */
  remove(name: string): Promise<void>;
}
