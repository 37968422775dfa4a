/**
 * An admission webhook as its own process, as operators run them: `node webhook-server.ts ADDRESS CERT KEY`. Prints its port. What it thinks of
 * an object stands in the object's data: `refuse` (a message), `warn`; `/mutate` puts a label on.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Review {
  readonly request: {
    readonly uid: string;
    readonly object: { readonly metadata: object; readonly data?: Readonly<Record<string, string>> } | null;
  };
}

const [address, certFile, keyFile] = process.argv.slice(2);
const files = { cert: readFileSync(certFile!), key: readFileSync(keyFile!) };

const server = createServer(files, async (request, response) => {
  const { request: asked } = (await json(request)) as Review;
  const { refuse, warn } = asked.object?.data ?? {};
  const patch = [{ op: 'add', path: '/metadata/labels', value: { touched: 'yes' } }];
  const change = { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
  const answer = {
    uid: asked.uid,
    allowed: refuse === undefined,
    ...(refuse !== undefined && { status: { message: refuse, code: 403, reason: 'Forbidden' } }),
    ...(warn !== undefined && { warnings: [warn] }),
    ...(request.url?.startsWith('/mutate') && change),
  };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
});
server.listen(0, address, () => console.log((server.address() as AddressInfo).port));
