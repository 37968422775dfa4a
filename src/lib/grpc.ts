/** Joins protobuf-es service descriptors to @grpc/grpc-js: service definitions for servers, typed calls for clients. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';

type Init<M extends DescMessage> = MessageInitShape<M>;

export function methodDefinition(method: DescMethod): grpc.MethodDefinition<object, object> {
  const serialize = (schema: DescMessage) => (value: object) =>
    Buffer.from(toBinary(schema, create(schema, value as Init<DescMessage>)));
  const deserialize = (schema: DescMessage) => (bytes: Buffer) => fromBinary(schema, bytes) as object;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: serialize(method.input),
    requestDeserialize: deserialize(method.input),
    responseSerialize: serialize(method.output),
    responseDeserialize: deserialize(method.output),
  };
}

/** What a service must provide, method by method (local names: `lastSeen` for `LastSeen`). */
export type ServiceHandlers<S extends DescService> = {
  [K in keyof S['method']]: S['method'][K] extends DescMethodUnary<infer I, infer O>
    ? grpc.handleUnaryCall<MessageShape<I>, Init<O>>
    : S['method'][K] extends DescMethodServerStreaming<infer I, infer O>
      ? grpc.handleServerStreamingCall<MessageShape<I>, Init<O>>
      : S['method'][K] extends DescMethodClientStreaming<infer I, infer O>
        ? grpc.handleClientStreamingCall<MessageShape<I>, Init<O>>
        : S['method'][K] extends DescMethodBiDiStreaming<infer I, infer O>
          ? grpc.handleBidiStreamingCall<MessageShape<I>, Init<O>>
          : never;
};

export function addService<S extends DescService>(server: grpc.Server, service: S, handlers: ServiceHandlers<S>): void {
  const definition: Record<string, grpc.MethodDefinition<object, object>> = {};
  for (const method of service.methods) definition[method.localName] = methodDefinition(method);
  server.addService(definition, handlers as unknown as grpc.UntypedServiceImplementation);
}

const targetNameOverride = 'grpc.ssl_target_name_override';
const addressPrefix = 'address--';

/**
 * grpc-js sends the host of an address as TLS server name, but a server name must not be an IP address (RFC 6066, section 3), and
 * Node.js 26 refuses it. An IP address goes as a name that {@link clientCredentials} knows how to read back.
 */
function withServerName(address: string, options: grpc.ClientOptions): grpc.ClientOptions {
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 || options[targetNameOverride] !== undefined) return options;
  return { ...options, [targetNameOverride]: addressPrefix + Buffer.from(host).toString('hex') };
}

/** A typed client of one service over a channel that the caller owns. Calls take grpc-js metadata and options. */
export class GrpcClient<S extends DescService> {
  readonly #client: grpc.Client;
  readonly #service: S;

  constructor(service: S, address: string, credentials: grpc.ChannelCredentials, options: grpc.ClientOptions = {}) {
    this.#service = service;
    this.#client = new grpc.Client(address, credentials, withServerName(address, options));
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: Init<I>,
    options: grpc.CallOptions & { signal?: AbortSignal | undefined } = {},
  ): Promise<MessageShape<O>> {
    const definition = methodDefinition(method);
    const { signal, ...callOptions } = options;
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request as object,
        new grpc.Metadata(),
        callOptions,
        (error, response) => {
          signal?.removeEventListener('abort', cancel);
          if (error) reject(error);
          else resolve(response as MessageShape<O>);
        },
      );
      const cancel = () => call.cancel();
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: Init<I>,
    options: grpc.CallOptions = {},
  ): grpc.ClientReadableStream<MessageShape<O>> {
    const definition = methodDefinition(method);
    return this.#client.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      request as object,
      options,
    ) as unknown as grpc.ClientReadableStream<MessageShape<O>>;
  }

  bidiStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    options: grpc.CallOptions = {},
  ): grpc.ClientDuplexStream<Init<I>, MessageShape<O>> {
    const definition = methodDefinition(method);
    return this.#client.makeBidiStreamRequest(
      definition.path,
      definition.requestSerialize,
      definition.responseDeserialize,
      options,
    ) as unknown as grpc.ClientDuplexStream<Init<I>, MessageShape<O>>;
  }

  get service(): S {
    return this.#service;
  }

  /** Of the channel; asking does not make it connect. */
  get state(): grpc.connectivityState {
    return this.#client.getChannel().getConnectivityState(false);
  }

  close(): void {
    this.#client.close();
  }
}

export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Mutual TLS, from PEM files. The server's certificate must name the host or the IP address that {@link GrpcClient} was given. */
export function clientCredentials(tls: TlsFiles): grpc.ChannelCredentials {
  const files = [readFileSync(tls.caFile), readFileSync(tls.keyFile), readFileSync(tls.certFile)] as const;
  return grpc.credentials.createSsl(...files, { checkServerIdentity: checkDialledIdentity });
}

/** The server's certificate must name what {@link GrpcClient} was given, an IP address too. */
export const checkDialledIdentity: NonNullable<grpc.VerifyOptions['checkServerIdentity']> = (name, certificate) => {
  const isAddress = name.startsWith(addressPrefix);
  const host = isAddress ? Buffer.from(name.slice(addressPrefix.length), 'hex').toString() : name;
  return checkServerIdentity(host, certificate);
};

/** Mutual TLS: a client without a certificate of our CA is refused at the handshake. */
export function serverCredentials(tls: TlsFiles): grpc.ServerCredentials {
  return grpc.ServerCredentials.createSsl(
    readFileSync(tls.caFile),
    [{ cert_chain: readFileSync(tls.certFile), private_key: readFileSync(tls.keyFile) }],
    true,
  );
}

/** The part of every grpc-js server call that {@link peerSubject} reads. */
type AuthenticatedCall = Pick<grpc.ServerUnaryCall<unknown, unknown>, 'getAuthContext'>;

/** Common name and organizations of the caller's certificate. Only behind {@link serverCredentials}, so there always is one. */
export function peerSubject(call: AuthenticatedCall): { commonName: string; organizations: string[] } {
  const subject = call.getAuthContext()?.sslPeerCertificate?.subject as
    | { CN?: string; O?: string | string[] }
    | undefined;
  const organizations = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return { commonName: subject?.CN ?? '', organizations };
}
