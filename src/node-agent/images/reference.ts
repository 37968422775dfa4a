/** Image references as containerd and Docker write them: `busybox` means `docker.io/library/busybox:latest`. */

/** The full form of a reference, with registry and tag (or digest). */
export function normalizeReference(reference: string): string {
  const slash = reference.indexOf('/');
  const first = slash < 0 ? '' : reference.slice(0, slash);
  const hasRegistry = first !== '' && (first.includes('.') || first.includes(':') || first === 'localhost');
  let name = hasRegistry ? reference : `docker.io/${slash < 0 ? 'library/' : ''}${reference}`;
  const lastPart = name.slice(name.lastIndexOf('/') + 1);
  if (!lastPart.includes(':') && !name.includes('@')) name += ':latest';
  return name;
}

/** True for `:latest` or no tag at all: the pull policy then defaults to Always. */
export function isLatest(reference: string): boolean {
  return !reference.includes('@') && normalizeReference(reference).endsWith(':latest');
}
