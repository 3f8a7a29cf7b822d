/*
 * engine_scan.c -- the nearest of many rows, by what the engine answers
 * /v1/query/vector with: columns in memory, values in a store.
 *
 *     engine_scan FILE QUERIES DIM K [METRIC [ROUNDS]]
 *
 * FILE and QUERIES hold rows of DIM float32.  The rows of FILE are put into a
 * store in a directory of its own below $TMPDIR, through the engine's writer
 * thread, and into its index as a put does it.  METRIC: dot (default), cosine,
 * euclidean.
 *
 * With ROUNDS: every query that many times, a line for each: its number, the
 * least and the median time in nanoseconds (of this thread's processor time),
 * rows looked at in memory, rows compared exactly, the numbers of the K nearest
 * joined by commas.  In between the same bytes as the columns have are summed;
 * the last lines say "columns", their bytes, GB/s of the fastest query; and
 * "read", GB/s of the fastest such sum.
 *
 * Without: a line on stdin is the number of a query, the answer is its time and
 * the numbers of the K nearest rows; "bytes" is answered with the bytes of the
 * columns.
 */

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine_bench.h"
#include "hx_query.h"
#include "hx_scan.h"

#define SCAN_ROUNDS_MAX   1000
#define SCAN_QUEUE        4096
#define SCAN_LARGE_PAGE   ((size_t) 2 << 20)

typedef uint64_t  scan_vec_t __attribute__((vector_size(64)));

typedef struct {
    hx_store_op_t      op;
    hx_index_item_t   *item;
    char               key[16];
} scan_put_t;

typedef struct {
    size_t            n;
    size_t            dim;
    unsigned          k;
    hx_metric_t       metric;
    float            *rows;
    float            *queries;
    size_t            n_queries;
    hx_store_t       *store;
    hx_index_t       *index;
    char              dir[4096];
    pthread_mutex_t   lock;
    pthread_cond_t    more;
    size_t            waiting;
} scan_t;

static scan_t          scan;
static const hx_str_t  scan_ns = hx_string("rows");


static uint64_t
scan_cpu_ns(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0) {
        bench_die("clock_gettime", "failed");
    }

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
scan_record(hx_record_t *r)
{
    memset(r, 0, sizeof(*r));
    r->array.dtype = HX_DTYPE_F4;
    r->array.ndim = 1;
    r->array.dim[0] = scan.dim;
    r->length = scan.dim * sizeof(float);
    r->stored = r->length;
}


/* From the writer thread, as hx_api_index.c does it. */
static void
scan_done(hx_store_op_t *op)
{
    scan_put_t         *p;
    hx_index_change_t   c;

    p = op->data;

    if (op->rc != HX_STORE_OK) {
        bench_die("put", op->why != NULL ? op->why : "refused");
    }

    c.key = op->key;
    c.version = op->version;
    c.item = p->item;
    hx_index_apply(scan.index, &scan_ns, &c, 1);
    free(p);

    pthread_mutex_lock(&scan.lock);
    scan.waiting--;
    pthread_cond_signal(&scan.more);
    pthread_mutex_unlock(&scan.lock);
}


static void
scan_put(size_t i)
{
    int           len;
    scan_put_t   *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        bench_die("memory", "not enough");
    }

    len = snprintf(p->key, sizeof(p->key), "%zu", i);
    p->op.kind = HX_STORE_PUT;
    p->op.ns = scan_ns;
    p->op.key.data = (const unsigned char *) p->key;
    p->op.key.len = (size_t) len;
    scan_record(&p->op.record);
    p->op.value.data = (const unsigned char *) (scan.rows + i * scan.dim);
    p->op.value.len = scan.dim * sizeof(float);
    p->op.done = scan_done;
    p->op.data = p;
    p->item = hx_index_prepare(scan.index, &p->op.record, &p->op.value);

    pthread_mutex_lock(&scan.lock);

    while (scan.waiting == SCAN_QUEUE) {
        pthread_cond_wait(&scan.more, &scan.lock);
    }

    scan.waiting++;
    pthread_mutex_unlock(&scan.lock);

    if (p->item == NULL || hx_store_submit(scan.store, &p->op) != HX_STORE_OK)
    {
        bench_die("put", "cannot be submitted");
    }
}


static void
scan_load(void)
{
    char              err[256];
    size_t            i;
    const char       *tmp;
    hx_store_conf_t   sc;
    hx_index_conf_t   ic;

    tmp = getenv("TMPDIR");
    (void) snprintf(scan.dir, sizeof(scan.dir), "%s/engine-scan-XXXXXX",
                    tmp != NULL && *tmp != '\0' ? tmp : "/tmp");

    if (mkdtemp(scan.dir) == NULL) {
        bench_die(scan.dir, "cannot be made");
    }

    memset(&sc, 0, sizeof(sc));
    sc.dir = scan.dir;
    sc.map_size = ((size_t) 1 << 30) + scan.n * scan.dim * 16;
    sc.max_views = 8;
    sc.queue_max = SCAN_QUEUE;
    sc.keep = 1;
    scan.store = hx_store_open(&sc, err, sizeof(err));

    if (scan.store == NULL) {
        bench_die("store", err);
    }

    memset(&ic, 0, sizeof(ic));
    ic.store = scan.store;
    ic.bytes = UINT64_MAX;
    scan.index = hx_index_create(&ic);

    if (scan.index == NULL || hx_index_start(scan.index) != 0) {
        bench_die("index", "cannot be made");
    }

    for (i = 0; i < scan.n; i++) {
        scan_put(i);
    }

    pthread_mutex_lock(&scan.lock);

    while (scan.waiting != 0) {
        pthread_cond_wait(&scan.more, &scan.lock);
    }

    pthread_mutex_unlock(&scan.lock);
}


static void
scan_unload(void)
{
    size_t              i;
    char                path[4200];
    static const char  *files[] = { "data.mdb", "lock.mdb", "engine.lock" };

    hx_index_stop(scan.index);
    hx_store_close(scan.store);
    hx_index_free(scan.index);

    for (i = 0; i < hx_nelts(files); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", scan.dir, files[i]);
        (void) unlink(path);
    }

    (void) rmdir(scan.dir);
}


/* One query; its time, and its hits as text behind "between". */
static uint64_t
scan_ask(size_t i, char between, char *text, size_t cap)
{
    size_t            len;
    unsigned          n, j;
    uint64_t          begin, took, candidates;
    hx_query_t       *q;
    hx_record_t       r;
    const hx_hit_t   *hit;
    hx_query_conf_t   conf;

    begin = scan_cpu_ns();
    memset(&conf, 0, sizeof(conf));
    conf.index = scan.index;
    conf.store = scan.store;
    conf.ns = scan_ns;
    conf.metric = scan.metric;
    conf.k = scan.k;
    scan_record(&r);
    q = hx_query_create(&conf);

    if (q == NULL
        || hx_query_data(q, &r, (const unsigned char *) (scan.queries
                                                         + i * scan.dim))
           != HX_QUERY_OK
        || hx_query_run(q, &hit, &n, &candidates) != HX_QUERY_OK)
    {
        bench_die("query", "failed");
    }

    took = scan_cpu_ns() - begin;
    len = 0;

    for (j = 0; j < n && len < cap; j++) {
        len += (size_t) snprintf(text + len, cap - len, "%c%.*s", between,
                                 (int) hit[j].key.len, hit[j].key.data);
    }

    hx_query_free(q);

    return took;
}


__attribute__((target_clones("avx512f", "avx2", "default")))
static uint64_t
scan_sum(const scan_vec_t *p, size_t n)
{
    size_t      i;
    scan_vec_t  a, b, c, d;

    a = b = c = d = (scan_vec_t) { 0 };

    for (i = 0; i + 4 <= n; i += 4) {
        a += p[i];
        b += p[i + 1];
        c += p[i + 2];
        d += p[i + 3];
    }

    a += b + c + d;

    return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}


/* Bytes a query reads of the columns, signatures apart. */
static size_t
scan_bytes(void)
{
    return scan.n * (hx_scan_stride(scan.dim) + 2 * sizeof(float)
                     + sizeof(double) + sizeof(uint32_t));
}


static int
scan_by_size(const void *a, const void *b)
{
    uint64_t  x, y;

    x = *(const uint64_t *) a;
    y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}


static void
scan_measure(size_t rounds)
{
    char              text[32768];
    size_t            i, j, bytes;
    uint64_t          ns[SCAN_ROUNDS_MAX], begin, took, least, read, sum;
    scan_vec_t       *p;
    hx_index_stats_t  before, after;

    bytes = scan_bytes() / 256 * 256;
    p = mmap(NULL, bytes + SCAN_LARGE_PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        bench_die("memory", "not enough");
    }

    (void) madvise(p, bytes + SCAN_LARGE_PAGE, MADV_HUGEPAGE);
    memset(p, 1, bytes + SCAN_LARGE_PAGE);
    least = UINT64_MAX;
    read = UINT64_MAX;
    sum = 0;

    for (i = 0; i < scan.n_queries; i++) {
        hx_index_stats(scan.index, &before);

        for (j = 0; j < rounds; j++) {
            ns[j] = scan_ask(i, ',', text, sizeof(text));
            begin = scan_cpu_ns();
            sum += scan_sum(p, bytes / sizeof(*p));
            took = scan_cpu_ns() - begin;
            read = took < read ? took : read;
        }

        hx_index_stats(scan.index, &after);
        qsort(ns, rounds, sizeof(ns[0]), scan_by_size);
        least = ns[0] < least ? ns[0] : least;

        printf("%zu\t%llu\t%llu\t%llu\t%llu\t%s\n", i,
               (unsigned long long) ns[0],
               (unsigned long long) ns[rounds / 2],
               (unsigned long long) ((after.scanned - before.scanned)
                                     / rounds),
               (unsigned long long) ((after.compared - before.compared)
                                     / rounds), text + 1);
    }

    printf("columns\t%zu\t%.2f\n", bytes, (double) bytes / (double) least);
    printf("read\t%llu\t%.2f\n", (unsigned long long) (sum != 0),
           (double) bytes / (double) read);
    (void) munmap(p, bytes + SCAN_LARGE_PAGE);
}


static void
scan_serve(void)
{
    char      line[64], text[32768];
    uint64_t  i, took;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';

        if (strcmp(line, "bytes") == 0) {
            printf("%zu\n", scan_bytes());

        } else if (hx_text_parse_u64((unsigned char *) line, strlen(line),
                                     scan.n_queries - 1, &i) == HX_OK)
        {
            took = scan_ask((size_t) i, ' ', text, sizeof(text));
            printf("%llu%s\n", (unsigned long long) took, text);

        } else {
            bench_die(line, "no such query");
        }

        (void) fflush(stdout);
    }
}


static hx_metric_t
scan_metric(const char *name)
{
    if (strcmp(name, "cosine") == 0) {
        return HX_COSINE;
    }

    if (strcmp(name, "euclidean") == 0) {
        return HX_EUCLIDEAN;
    }

    if (strcmp(name, "dot") != 0) {
        bench_die(name, "no such metric");
    }

    return HX_DOT;
}


int
main(int argc, char **argv)
{
    size_t  size;

    if (argc < 5 || argc > 7) {
        (void) fprintf(stderr, "usage: engine_scan FILE QUERIES DIM K [METRIC "
                       "[ROUNDS]]\n");
        return 2;
    }

    pthread_mutex_init(&scan.lock, NULL);
    pthread_cond_init(&scan.more, NULL);
    scan.dim = (size_t) bench_number(argv[3], 1 << 20);
    scan.k = (unsigned) bench_number(argv[4], HX_K_MAX);
    scan.metric = argc > 5 ? scan_metric(argv[5]) : HX_DOT;
    scan.rows = (float *) (void *) bench_file(argv[1], &size);
    scan.n = size / sizeof(float) / scan.dim;
    scan.queries = (float *) (void *) bench_file(argv[2], &size);
    scan.n_queries = size / sizeof(float) / scan.dim;

    if (scan.n == 0 || scan.n_queries == 0) {
        bench_die(argv[1], "not one row");
    }

    scan_load();
    free(scan.rows);

    if (argc == 7) {
        scan_measure((size_t) bench_number(argv[6], SCAN_ROUNDS_MAX));

    } else {
        scan_serve();
    }

    scan_unload();
    free(scan.queries);

    return 0;
}
