// A trustless gateway (raw blocks and CAR version 1) on loopback, with a few DAGs that the importer of others made, to
// test our client against. It has to stand beside its node_modules. Prints one line of JSON, {addr, roots}, and serves
// until its input ends.
import { createServer } from 'node:http'
import { CarWriter } from '@ipld/car'
import * as dagPB from '@ipld/dag-pb'
import { MemoryBlockstore } from 'blockstore-core'
import { UnixFS } from 'ipfs-unixfs'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'

/** The bytes of the test vectors. */
const pattern = length => Uint8Array.from({ length }, (_, i) =>
  (Math.imul(i, 31) ^ (i >>> 8) ^ (i >>> 16) ^ (i >>> 24)) & 255)

const blocks = new MemoryBlockstore()
const add = async (files, options) => {
  let last
  for await (const entry of importer(files, blocks, options)) last = entry
  return last.cid.toString()
}
const text = string => new TextEncoder().encode(string)
const roots = {
  file: await add([{ content: pattern(3 * 1048576 + 17) }], {}),
  directory: await add([
    { path: 'r/a.txt', content: text('a\n') },
    { path: 'r/sub/ünï.bin', content: pattern(1048577) },
    { path: 'r/sub/again.bin', content: pattern(1048577) }
  ], {}),
  shards: await add(
    Array.from({ length: 1000 }, (_, i) => ({ path: `r/file-${i}`, content: text(`${i}`) })),
    { shardSplitThresholdBytes: 0 }
  )
}

const get = async cid => {
  const found = blocks.get(cid)
  if (typeof found?.then === 'function' || found instanceof Uint8Array) return await found
  const parts = []
  for await (const part of found) parts.push(part)
  return Buffer.concat(parts)
}

/** The links of a node that belong to it by `scope`. */
function linksOf (node, scope) {
  if (scope !== 'entity') return scope === 'all' ? node.Links : []
  const { type } = UnixFS.unmarshal(node.Data)
  if (type === 'hamt-sharded-directory') return node.Links.filter(link => link.Name.length === 2)
  return type === 'file' ? node.Links : []
}

async function * walk (cid, scope) {
  const bytes = await get(cid)
  yield { cid, bytes }
  if (cid.code !== dagPB.code) return
  for (const link of linksOf(dagPB.decode(bytes), scope)) yield * walk(link.Hash, scope)
}

async function sendCar (cid, scope, response) {
  response.writeHead(200, {
    'content-type': 'application/vnd.ipld.car; version=1; order=dfs; dups=y',
    etag: `"${cid}.car"`,
    'x-content-type-options': 'nosniff'
  })
  const { writer, out } = CarWriter.create([cid])
  const sent = (async () => { for await (const bytes of out) response.write(bytes) })()
  for await (const block of walk(cid, scope)) await writer.put(block)
  await writer.close()
  await sent
  response.end()
}

async function answer (request, response) {
  const url = new URL(request.url, 'http://gateway')
  const [, space, text, ...path] = url.pathname.split('/')
  if (space !== 'ipfs' || path.length > 0) { response.writeHead(404); return response.end('not found') }
  const cid = CID.parse(text)
  const format = url.searchParams.get('format') ?? /ipld\.(raw|car)/.exec(request.headers.accept ?? '')?.[1]
  if (format !== 'raw' && format !== 'car') { response.writeHead(406); return response.end('raw or car') }
  let bytes
  try { bytes = await get(cid) } catch { response.writeHead(404); return response.end('block not found') }
  if (format === 'car') return await sendCar(cid, url.searchParams.get('dag-scope') ?? 'all', response)
  response.writeHead(200, {
    'content-type': 'application/vnd.ipld.raw',
    'content-length': bytes.length,
    etag: `"${cid}.raw"`,
    'x-content-type-options': 'nosniff'
  })
  response.end(bytes)
}

const server = createServer((request, response) => {
  answer(request, response).catch(error => { response.headersSent || response.writeHead(500); response.end(String(error)) })
})
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ addr: `http://127.0.0.1:${server.address().port}`, roots })))
process.stdin.resume().on('end', () => process.exit(0))
