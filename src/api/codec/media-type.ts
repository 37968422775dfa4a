/** Media types of request bodies. */

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

const formats: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};

/** Told to a client that sends anything else. */
export const acceptedMediaTypes = Object.keys(formats);

/** Absent or empty means JSON: `kubectl scale --current-replicas` sends no Content-Type. */
export function bodyFormat(contentType: string | undefined): BodyFormat | undefined {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type === '') return 'json';
  return formats[type];
}
