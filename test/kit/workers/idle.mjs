/** Lives, and serves nobody. */
setInterval(() => {}, 1_000)
