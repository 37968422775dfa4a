import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { startHttpHarness } from '../testing/http-harness.ts';
import { Tracer } from './index.ts';
import { parseTraceParent } from './spans.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

test.each([
  [`00-${traceId}-${spanId}-01`, { traceId, spanId, sampled: true }],
  [`00-${traceId}-${spanId}-00`, { traceId, spanId, sampled: false }],
  [`ff-${traceId}-${spanId}-01`, undefined],
  [`00-${'0'.repeat(32)}-${spanId}-01`, undefined],
  ['nonsense', undefined],
])('parseTraceParent reads %s', (header, expected) => {
  expect(parseTraceParent(header)).toEqual(expected);
});

test('a request of a sampled trace becomes a span of it; others do not', async () => {
  let tracer: Tracer | undefined;
  const late = { begin: (...args: Parameters<Tracer['begin']>) => tracer?.begin(...args) } as Tracer;
  const h = await startHttpHarness({ tracer: late });
  const { certFile, keyFile, caFile } = h.pki.files('master');
  // biome-ignore lint/suspicious/noExplicitAny: tests look into spans freely
  const got: any[] = [];
  const collector = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    async (request, response) => {
      got.push(await json(request));
      response.end('{}');
    },
  );
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  const url = `https://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  tracer = new Tracer({ url, caFile }, 'm1', systemClock, silentLogger);
  try {
    await h.call('GET', '/api/v1/namespaces/default/pods', { headers: { traceparent: `00-${traceId}-${spanId}-01` } });
    await h.call('GET', '/api/v1/namespaces/default/pods');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await tracer.close();
    const spans = got.flatMap(({ resourceSpans }) => resourceSpans[0].scopeSpans[0].spans);
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({ traceId, parentSpanId: spanId, name: 'LIST pods', kind: 2 });
    expect(spans[0].attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: '200' } });
  } finally {
    collector.close();
    await h.stop();
  }
});
