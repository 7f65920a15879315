// A machine for tests of networks: at port 7 it is told in a line how many bytes follow, and answers with
// their hash; at port 53 it answers that all names are its own. Nobody need close half of a connection:
// pasta up to 2023 sends to who does so again and again what it is answered.
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const [, , four, six] = process.argv;

const hashes = createServer((socket) => {
  let line = '';
  let left;
  const hash = createHash('sha256');
  const take = (bytes) => {
    hash.update(bytes);
    left -= bytes.length;
    if (left === 0) socket.end(`${hash.digest('hex')}\n`);
  };
  socket.on('data', (chunk) => {
    if (left !== undefined) return take(chunk);
    const end = chunk.indexOf('\n');
    line += chunk.toString('latin1', 0, end < 0 ? chunk.length : end);
    if (end < 0) return;
    left = Number(line);
    take(chunk.subarray(end + 1));
  });
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
