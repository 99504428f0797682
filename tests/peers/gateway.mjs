// A trustless gateway (raw blocks and CAR version 1) on loopback, with a few DAGs that the importer of others made, to
// test our client against. Prints one line of JSON, {port, roots}, and serves until its input ends.
// `node gateway.mjs [PORT]`; the packages are found below the directory that BACALHAU_TEST_PEERS names.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const peers = resolve(process.env.BACALHAU_TEST_PEERS ?? 'target/peers')
const load = async name => {
  const dir = resolve(peers, 'node_modules', name)
  const about = JSON.parse(await readFile(resolve(dir, 'package.json'), 'utf8'))
  const entry = about.exports?.['.'] ?? about.exports ?? about.main
  return await import(pathToFileURL(resolve(dir, entry.import ?? entry)))
}
const { importer } = await load('ipfs-unixfs-importer')
const { MemoryBlockstore } = await load('blockstore-core')
const { CID } = await load('multiformats')
const dagCBOR = await load('@ipld/dag-cbor')
const dagPB = await load('@ipld/dag-pb')
const { UnixFS } = await load('ipfs-unixfs')

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

function * varint (number) {
  for (; number >= 128; number = Math.floor(number / 128)) yield number % 128 + 128
  yield number
}

async function sendCar (cid, scope, response) {
  response.writeHead(200, {
    'content-type': 'application/vnd.ipld.car; version=1; order=dfs; dups=y',
    etag: `"${cid}.car"`,
    'x-content-type-options': 'nosniff'
  })
  const header = dagCBOR.encode({ version: 1, roots: [cid] })
  response.write(Buffer.from([...varint(header.length), ...header]))
  for await (const block of walk(cid, scope)) {
    const length = block.cid.bytes.length + block.bytes.length
    response.write(Buffer.concat([Buffer.from([...varint(length)]), block.cid.bytes, block.bytes]))
  }
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
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  console.log(JSON.stringify({ port: server.address().port, roots })))
process.stdin.resume().on('end', () => process.exit(0))
