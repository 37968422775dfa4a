/**
 * The dictionary that primes SPDY/3's header compression (SPDY Protocol Draft 3, section 2.6.10.1): common header names, each with its
 * length as four bytes big-endian, then fragments of common values. Its Adler-32 is 0xe3c6a7c2, which every stream's first bytes carry.
 */

const names =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization ' +
  'cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range ' +
  'content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified ' +
  'location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding ' +
  'upgrade user-agent vary via warning www-authenticate method get status';

const tail =
  '\0\0\0\x06200 OK\0\0\0\x07version\0\0\0\x08HTTP/1.1\0\0\0\x03url\0\0\0\x06public\0\0\0\x0aset-cookie\0\0\0\x0akeep-alive\0\0\0\x06origin' +
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found' +
  '500 Internal Server Error501 Not Implemented503 Service Unavailable' +
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public' +
  'privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

function lengthPrefixed(name: string): Buffer {
  const bytes = Buffer.alloc(4 + name.length);
  bytes.writeUInt32BE(name.length, 0);
  bytes.write(name, 4, 'latin1');
  return bytes;
}

/** 1,423 bytes. */
export const headerDictionary: Buffer = Buffer.concat([
  ...names.split(' ').map(lengthPrefixed),
  Buffer.from(tail, 'latin1'),
]);

/** The identifier (DICTID, RFC 1950) of the dictionary in a zlib header. */
export const headerDictionaryAdler32 = 0xe3c6a7c2;
