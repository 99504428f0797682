// Reads an archive with the parts that others wrote, checks every block, and writes it again:
//     node car.mjs FROM TO
// It has to stand beside its node_modules. Prints one line of JSON, {roots, blocks}.
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarBlockIterator, CarWriter } from '@ipld/car'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'

const [from, to] = process.argv.slice(2)
const blocks = await CarBlockIterator.fromIterable(createReadStream(from))
const roots = await blocks.getRoots()
const { writer, out } = CarWriter.create(roots)
const written = pipeline(Readable.from(out), createWriteStream(to))
let count = 0
for await (const { cid, bytes } of blocks) {
  const found = CID.create(cid.version, cid.code, await sha256.digest(bytes))
  if (!found.equals(cid)) throw new Error(`block ${cid} is ${found}`)
  await writer.put({ cid, bytes })
  count++
}
await writer.close()
await written
console.log(JSON.stringify({ roots: roots.map(String), blocks: count }))
