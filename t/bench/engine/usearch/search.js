// search.js FILE QUERIES DIM K: exact search by inner product, one thread.
// A line on stdin is the number of a query, the answer is CPU nanoseconds and
// the numbers of the K nearest rows.

"use strict";

const fs = require("fs");
const readline = require("readline");
const usearch = require("usearch");

const [file, queries, dim, k] = process.argv.slice(2);
const n = Number(dim);

function floats(path) {
  const bytes = fs.readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

const rows = floats(file);
const asked = floats(queries);

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const i = Number(line);
  const query = asked.slice(i * n, (i + 1) * n);
  const begin = process.cpuUsage();
  const found = usearch.exactSearch(rows, query, n, Number(k),
                                    usearch.MetricKind.IP, 1);
  const { user, system } = process.cpuUsage(begin);
  process.stdout.write([(user + system) * 1000, ...found.keys].join(" ") + "\n");
});
