export { SpdySession, type SpdySessionOptions } from './session.ts';
export { SpdyStream } from './stream.ts';
