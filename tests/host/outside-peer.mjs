// A machine for tests of networks: at port 7 it answers with the hash of what it is sent, and at port 53
// that all names are its own.
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [, , four, six] = process.argv;

const hashes = createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash('sha256');
  socket.on('data', (chunk) => hash.update(chunk));
  socket.on('end', () => socket.end(`${hash.digest('hex')}\n`));
  socket.on('error', () => {});
});

const names = createSocket('udp4');
names.on('message', (query, from) => {
  // RFC 1035: the question as it came, and one answer that points to its name.
  const end = query.indexOf(0, 12) + 5;
  const type = query.readUInt16BE(end - 4);
  const data = type === 28 ? sixBytes(six) : Buffer.from(four.split('.').map(Number));
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 6);
  header.fill(0, 8);
  const answer = Buffer.alloc(12);
  answer.writeUInt16BE(0xc00c, 0);
  answer.writeUInt16BE(type, 2);
  answer.writeUInt16BE(1, 4);
  answer.writeUInt16BE(data.length, 10);
  names.send(
    Buffer.concat([header, query.subarray(12, end), answer, data]),
    from.port,
    from.address,
  );
});

function sixBytes(address) {
  const [before, after] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((word, index) => {
    bytes.writeUInt16BE(Number.parseInt(word, 16), index * 2);
  });
  return bytes;
}

hashes.listen(7, '::', () => names.bind(53, four, () => console.log('ready')));
