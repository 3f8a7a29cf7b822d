"""faiss_peer.py FILE QUERIES DIM K: exact search by inner product, one thread.
A line on stdin is the number of a query, the answer is CPU nanoseconds and the
numbers of the K nearest rows."""

import sys
import time

import faiss
import numpy as np


def main():
    dim, k = int(sys.argv[3]), int(sys.argv[4])
    rows, asked = (np.fromfile(x, np.float32).reshape(-1, dim)
                   for x in sys.argv[1:3])
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(dim)
    index.add(rows)
    del rows
    for line in sys.stdin:
        i = int(line)
        begin = time.thread_time_ns()
        _, found = index.search(asked[i:i + 1], k)
        took = time.thread_time_ns() - begin
        print(took, *found[0], flush=True)


if __name__ == "__main__":
    main()
