// Node 20 has no Promise.withResolvers, which Helia uses: node --import=./polyfill.mjs
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new this((fulfil, refuse) => { resolve = fulfil; reject = refuse })
  return { promise, resolve, reject }
}
