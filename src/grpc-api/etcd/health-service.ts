/** grpc.health.v1.Health, as etcd's clients ask for it: serving while a leader is known. */
import { type Call, GrpcError, grpcStatus, type Method, ProtoReader, ProtoWriter } from '../../lib/lean-grpc/index.ts';

const checkIntervalMs = 1_000;
const status = { serving: 1, notServing: 2 } as const;

export function healthMethods(ready: () => boolean): [string, Method][] {
  const writer = new ProtoWriter();
  const answer = (serving: boolean): Uint8Array => {
    writer.begin().number(1, serving ? status.serving : status.notServing);
    return writer.finish();
  };
  const checkName = (request: Uint8Array): void => {
    const reader = new ProtoReader(request);
    while (reader.next()) {
      const name = reader.field === 1 ? reader.byteString() : '';
      if (reader.field !== 1) reader.skip();
      if (name !== '' && name !== 'etcdserverpb.Health') throw new GrpcError(grpcStatus.notFound, 'unknown service');
    }
  };
  const check = (request: Uint8Array, call: Call): void => {
    checkName(request);
    call.reply(answer(ready()));
  };
  const watch = (request: Uint8Array, call: Call): void => {
    checkName(request);
    let told: boolean | undefined;
    const look = (): void => {
      const now = ready();
      if (now !== told) call.send(answer(now));
      told = now;
    };
    look();
    const timer = setInterval(look, checkIntervalMs).unref();
    call.onCancel = () => clearInterval(timer);
  };
  return [
    ['/grpc.health.v1.Health/Check', { kind: 'unary', handle: check }],
    ['/grpc.health.v1.Health/Watch', { kind: 'server-stream', handle: watch }],
  ];
}
