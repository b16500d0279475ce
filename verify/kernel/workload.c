/*
 * The load: tasks that do direct I/O on one file, and others that move blocks and size under it.
 *
 *   workload prepare FILE SEED          makes the file: first half written, second half unwritten
 *   workload again   FILE SEED          writes a block of a file that was made before this mount
 *   workload where   FILE BLOCKS        says in which sectors of the disk its first blocks begin
 *   workload fill    FILE BLOCKS        fills the file system with another file, up to so many blocks
 *   workload run     FILE SEED ROUNDS [ENOSPC|EIO]
 *                                       runs every task; each does its share of ROUNDS rounds
 *   workload mixed   FILE SEED ROUNDS [ENOSPC|EIO]
 *                                       the same, and tasks beside them that go through the page cache,
 *                                       cross extents, or may not sleep
 *
 * A task is a thread, named for what it does. Calls must succeed in full, except where another task
 * may rightly be in the way, or with the error that is named last; anything else ends the run with a
 * message and exit code 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 128 /* of the file as prepared */
#define HALF (BLOCKS / 2)
#define SIZE (BLOCKS * BLOCK)

/* Calls of the tasks that read and write, in one round. */
#define CALLS (3 + 3 + 3 + 2 + 2 + 2 + 2)

/* Of the file's beginning, which no truncate takes away, so much is mapped. */
#define MAPPED (16 * BLOCK)

static int fd;       /* with O_DIRECT */
static int buffered; /* without */
static unsigned seed, rounds;
static unsigned done; /* of those calls */
static int expected; /* an error that calls may end with: the disk is full (ENOSPC), or bad (EIO) */
static pthread_barrier_t start;

static void die(const char *format, ...)
{
	va_list args;
	int error = errno;

	va_start(args, format);
	fprintf(stderr, "workload: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, " (errno %d: %s)\n", error, strerror(error));
	exit(1);
}

/* A bad sector of an NVMe disk is a medium error, which direct I/O returns as it is. */
static int is_expected(int error)
{
	return expected && (error == expected || (expected == EIO && error == ENODATA));
}

/* Whether a call did as much as it was to, or as much as such a disk lets it. */
static int done_or_expected(ssize_t n, size_t len)
{
	return n == (ssize_t)len || (n < 0 && is_expected(errno)) || (n > 0 && expected);
}

static void *buffer(size_t len)
{
	void *p;

	if (posix_memalign(&p, BLOCK, len))
		die("no memory");
	memset(p, 0x5a, len);
	return p;
}

/* Reproducible only per task: how tasks interleave is the kernel's choice. */
static unsigned pick(unsigned *state, unsigned below)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 16) % below;
}

static off_t file_size(void)
{
	struct stat st;

	if (fstat(fd, &st))
		die("fstat");
	return st.st_size;
}

static void write_at(void *buf, size_t len, off_t pos)
{
	ssize_t n = pwrite(fd, buf, len, pos);

	if (!done_or_expected(n, len))
		die("pwrite(%zu, %ld) = %zd", len, (long)pos, n);
	__atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
}

static void set_size(off_t size)
{
	if (ftruncate(fd, size) && !is_expected(errno))
		die("ftruncate(%ld)", (long)size);
}

/* Collapse and insert are refused at the end of the file, which other tasks move. */
static void allocate(int mode, unsigned block, unsigned blocks)
{
	int shifts = mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);

	if (fallocate(fd, mode, (off_t)block * BLOCK, (off_t)blocks * BLOCK) &&
	    !(shifts && errno == EINVAL) && !is_expected(errno))
		die("fallocate(%#x, block %u, %u blocks)", mode, block, blocks);
}

/*
 * What needs no disk would be over before the first write is. So the tasks that move blocks begin
 * their round `i` when the others have come as far; `turn`, of TURNS, keeps them from one moment.
 */
#define TURNS 5
static void await_round(unsigned i, unsigned turn)
{
	unsigned long target = (unsigned long)(TURNS * i + turn) * CALLS;

	while (__atomic_load_n(&done, __ATOMIC_RELAXED) * TURNS < target)
		usleep(200);
}

/* Tasks. */

static void overwrite(unsigned rnd)
{
	void *buf = buffer(BLOCK);

	for (unsigned i = 0; i < 3 * rounds; i++)
		write_at(buf, BLOCK, (off_t)pick(&rnd, HALF) * BLOCK);
}

static void read_back(unsigned rnd)
{
	void *buf = buffer(2 * BLOCK);

	for (unsigned i = 0; i < 3 * rounds; i++) {
		ssize_t n = pread(fd, buf, 2 * BLOCK, (off_t)pick(&rnd, BLOCKS) * BLOCK);

		if (n < 0 && !done_or_expected(n, 0))
			die("pread");
		__atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
	}
}

static void extend(unsigned rnd)
{
	void *buf = buffer(BLOCK);

	(void)rnd;
	for (unsigned i = 0; i < 2 * rounds; i++)
		write_at(buf, BLOCK, (file_size() + BLOCK - 1) / BLOCK * BLOCK);
}

static void unaligned(unsigned rnd)
{
	void *buf = buffer(512);

	for (unsigned i = 0; i < 2 * rounds; i++)
		write_at(buf, 512,
			 (off_t)pick(&rnd, BLOCKS) * BLOCK + (1 + pick(&rnd, 7)) * 512);
}

static void shrink_and_grow(unsigned rnd)
{
	for (unsigned i = 0; i < rounds; i++) {
		await_round(i, 0);
		set_size((off_t)(100 + pick(&rnd, 24)) * BLOCK);
		/* Setting the size a file has does not wait for DIO: a corner worth recording. */
		if (pick(&rnd, 2))
			set_size(file_size());
		set_size(SIZE);
		allocate(0, HALF, HALF);
	}
}

static void punch(unsigned rnd)
{
	for (unsigned i = 0; i < rounds; i++) {
		await_round(i, 1);
		allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 HALF - 16 + pick(&rnd, HALF), 4);
	}
}

static void zero(unsigned rnd)
{
	for (unsigned i = 0; i < rounds; i++) {
		int keep = pick(&rnd, 2) ? FALLOC_FL_KEEP_SIZE : 0;

		await_round(i, 2);
		allocate(FALLOC_FL_ZERO_RANGE | keep, pick(&rnd, BLOCKS - 8), 1 + pick(&rnd, 8));
	}
}

static void shift(unsigned rnd)
{
	for (unsigned i = 0; i < rounds; i++) {
		await_round(i, 3);
		allocate(i % 2 ? FALLOC_FL_INSERT_RANGE : FALLOC_FL_COLLAPSE_RANGE,
			 HALF - 8 + pick(&rnd, 32), 4);
	}
}

static void reserve(unsigned rnd)
{
	for (unsigned i = 0; i < rounds; i++) {
		await_round(i, 4);
		allocate(pick(&rnd, 2) ? FALLOC_FL_KEEP_SIZE : 0, pick(&rnd, BLOCKS), 8);
	}
}

/* Tasks of a mixed load. */

/* Over the border of what is written, too: the extents differ that it meets. */
static void cross(unsigned rnd)
{
	void *buf = buffer(4 * BLOCK);

	for (unsigned i = 0; i < 2 * rounds; i++) {
		unsigned blocks = 2 + pick(&rnd, 3);
		off_t pos = (off_t)(HALF - 32 + pick(&rnd, HALF)) * BLOCK;

		if (!done_or_expected(pwrite(fd, buf, blocks * BLOCK, pos), blocks * BLOCK))
			die("pwrite of %u blocks", blocks);
	}
}

/* Who may not sleep gives up where it would have to, or cannot say so (a buffered write, with data=journal). */
static void nowait(unsigned rnd)
{
	struct iovec vec = { buffer(BLOCK), BLOCK };

	for (unsigned i = 0; i < 3 * rounds; i++) {
		off_t pos = (off_t)pick(&rnd, BLOCKS) * BLOCK;
		ssize_t n = pwritev2(fd, &vec, 1, pos, RWF_NOWAIT);

		if (!done_or_expected(n, BLOCK) && !(n < 0 && (errno == EAGAIN || errno == EOPNOTSUPP)))
			die("pwritev2 = %zd", n);
		usleep(1000);
	}
}

/* Through the page cache, a block and a half. */
static void cached(unsigned rnd)
{
	void *buf = buffer(2 * BLOCK);

	for (unsigned i = 0; i < 2 * rounds; i++) {
		off_t pos = (off_t)pick(&rnd, BLOCKS - 2) * BLOCK;

		if (!done_or_expected(pwrite(buffered, buf, BLOCK + BLOCK / 2, pos), BLOCK + BLOCK / 2))
			die("buffered pwrite");
		if (pread(buffered, buf, 2 * BLOCK, pos) < 0 && !is_expected(errno))
			die("buffered pread");
		usleep(1000);
	}
}

/* A direct write that cannot drop a page leaves EIO to whoever syncs next. On a full or bad disk a store is a signal. */
static void stored(unsigned rnd)
{
	char *map = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, buffered, 0);

	if (expected)
		return;
	if (map == MAP_FAILED)
		die("mmap");
	for (unsigned i = 0; i < 2 * rounds; i++) {
		map[pick(&rnd, MAPPED)] = 0x33;
		usleep(2000);
		if (pick(&rnd, 2) && msync(map, MAPPED, MS_SYNC) && errno != EIO)
			die("msync");
	}
}

static void synced(unsigned rnd)
{
	(void)rnd;
	for (unsigned i = 0; i < rounds; i++) {
		await_round(i, 1);
		if (fsync(buffered) && errno != EIO && !is_expected(errno))
			die("fsync");
	}
}

/* From amid a block to amid another, or inside one. */
static void punch_parts(unsigned rnd)
{
	for (unsigned i = 0; i < rounds; i++) {
		off_t pos = (off_t)pick(&rnd, BLOCKS - 8) * BLOCK + 512 * pick(&rnd, 8);
		off_t len = 512 * (1 + pick(&rnd, 24));

		await_round(i, 2);
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, len) &&
		    !is_expected(errno))
			die("fallocate(punch, %ld, %ld)", (long)pos, (long)len);
	}
}

#define DEPTH 2

/* libaio's calls, into blocks that are unwritten unless another write came first. */
static void aio(unsigned rnd)
{
	aio_context_t context = 0;
	struct io_event events[DEPTH];
	struct iocb blocks[DEPTH], *list[DEPTH];
	void *buf = buffer(BLOCK);

	if (syscall(SYS_io_setup, DEPTH, &context))
		die("io_setup");
	for (unsigned i = 0; i < 2 * rounds; i++) {
		for (int j = 0; j < DEPTH; j++) {
			memset(&blocks[j], 0, sizeof blocks[j]);
			blocks[j].aio_lio_opcode = IOCB_CMD_PWRITE;
			blocks[j].aio_fildes = fd;
			blocks[j].aio_buf = (unsigned long)buf;
			blocks[j].aio_nbytes = BLOCK;
			blocks[j].aio_offset = (HALF + pick(&rnd, HALF)) * BLOCK;
			list[j] = &blocks[j];
		}
		for (int sent = 0; sent < DEPTH;) {
			int n = syscall(SYS_io_submit, context, DEPTH - sent, list + sent);

			if (n < 1)
				die("io_submit = %d", n);
			sent += n;
		}
		for (int got = 0; got < DEPTH;) {
			int n = syscall(SYS_io_getevents, context, 1, DEPTH - got, events, NULL);

			if (n < 1)
				die("io_getevents = %d", n);
			for (int j = 0; j < n; j++)
				if (events[j].res != BLOCK && !is_expected(-events[j].res))
					die("AIO write = %lld", (long long)events[j].res);
			got += n;
		}
		__atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
	}
	syscall(SYS_io_destroy, context);
}

struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void ring_open(struct ring *r)
{
	struct io_uring_params p = { 0 };
	char *rings;
	size_t sq, cq;

	r->fd = syscall(SYS_io_uring_setup, DEPTH, &p);
	if (r->fd < 0)
		die("io_uring_setup");
	if (!(p.features & IORING_FEAT_SINGLE_MMAP))
		die("io_uring without IORING_FEAT_SINGLE_MMAP");
	sq = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	cq = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	rings = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		     r->fd, IORING_OFF_SQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	if (rings == MAP_FAILED || (void *)r->sqes == MAP_FAILED)
		die("mmap of the ring");
	r->sq_tail = (unsigned *)(rings + p.sq_off.tail);
	r->sq_mask = (unsigned *)(rings + p.sq_off.ring_mask);
	r->sq_array = (unsigned *)(rings + p.sq_off.array);
	r->cq_head = (unsigned *)(rings + p.cq_off.head);
	r->cq_tail = (unsigned *)(rings + p.cq_off.tail);
	r->cq_mask = (unsigned *)(rings + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
}

/* io_uring tries without sleeping first and hands what would sleep to a worker. */
static void uring(unsigned rnd)
{
	struct ring r;
	void *buf = buffer(BLOCK);

	ring_open(&r);
	for (unsigned i = 0; i < 2 * rounds; i++) {
		for (int j = 0; j < DEPTH; j++) {
			unsigned tail = *r.sq_tail, slot = tail & *r.sq_mask;
			struct io_uring_sqe *sqe = &r.sqes[slot];

			memset(sqe, 0, sizeof *sqe);
			sqe->opcode = IORING_OP_WRITE;
			sqe->fd = fd;
			sqe->addr = (unsigned long)buf;
			sqe->len = BLOCK;
			/* One into unwritten blocks, one an overwrite. */
			sqe->off = (off_t)((j ? 0 : HALF) + pick(&rnd, HALF)) * BLOCK;
			r.sq_array[slot] = slot;
			__atomic_store_n(r.sq_tail, tail + 1, __ATOMIC_RELEASE);
		}
		if (syscall(SYS_io_uring_enter, r.fd, DEPTH, DEPTH, IORING_ENTER_GETEVENTS, NULL,
			    0) != DEPTH)
			die("io_uring_enter");
		for (unsigned head = *r.cq_head, got = 0; got < DEPTH; got++, head++) {
			if (head == __atomic_load_n(r.cq_tail, __ATOMIC_ACQUIRE))
				die("io_uring_enter came back early");
			int res = r.cqes[head & *r.cq_mask].res;

			if (res != BLOCK && !is_expected(-res))
				die("io_uring write = %d", res);
			__atomic_store_n(r.cq_head, head + 1, __ATOMIC_RELEASE);
		}
		__atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
	}
	close(r.fd);
}

static const struct task {
	const char *name;
	void (*work)(unsigned rnd);
} tasks[] = {
	{ "d_ow0", overwrite }, { "d_ow1", overwrite },	   { "d_rd0", read_back },
	{ "d_ext", extend },	{ "d_unal", unaligned },   { "d_aio", aio },
	{ "d_uring", uring },	{ "d_trunc", shrink_and_grow }, { "d_punch", punch },
	{ "d_zero", zero },	{ "d_shift", shift },	   { "d_alloc", reserve },
	/* From here on of a mixed load only. */
	{ "d_cross", cross },	{ "d_nowait", nowait },	   { "d_cached", cached },
	{ "d_stored", stored }, { "d_synced", synced },	   { "d_parts", punch_parts },
};
#define TASKS (sizeof tasks / sizeof tasks[0])
#define MIXED 6

static void *run(void *arg)
{
	const struct task *task = arg;

	prctl(PR_SET_NAME, task->name);
	pthread_barrier_wait(&start);
	task->work(seed * 2654435761u + (task - tasks) * 40503u);
	return NULL;
}

static void prepare(void)
{
	void *buf = buffer(SIZE / 2);

	write_at(buf, SIZE / 2, 0);
	allocate(0, HALF, HALF);
	if (fsync(fd))
		die("fsync");
}

/* FIBMAP tells blocks of the file system. */
static void where(unsigned blocks)
{
	for (unsigned block = 0; block < blocks; block++) {
		int at = block;

		if (ioctl(fd, FIBMAP, &at))
			die("FIBMAP");
		printf("%lu\n", at * (unsigned long)(BLOCK / 512));
	}
}

/* What is left is less than what the tasks would use. */
static void fill(const char *beside, unsigned left)
{
	char name[256];
	int other;
	off_t end = 0;

	snprintf(name, sizeof name, "%s.fill", beside);
	other = open(name, O_RDWR | O_CREAT, 0600);
	if (other < 0)
		die("open %s", name);
	for (off_t blocks = 4096; blocks; blocks /= 2)
		while (!fallocate(other, 0, end, blocks * BLOCK))
			end += blocks * BLOCK;
	if (ftruncate(other, end - (off_t)left * BLOCK) || fsync(other))
		die("ftruncate(%s)", name);
}

int main(int argc, char **argv)
{
	pthread_t threads[TASKS];
	size_t count = TASKS;

	if (argc < 4)
		die("usage: workload prepare|again|where|fill FILE N | workload run|mixed FILE SEED ROUNDS [ENOSPC|EIO]");
	fd = open(argv[2], O_RDWR | O_CREAT | O_DIRECT, 0600);
	buffered = open(argv[2], O_RDWR);
	if (fd < 0 || buffered < 0)
		die("open %s", argv[2]);
	seed = atoi(argv[3]);
	prctl(PR_SET_NAME, "d_main");
	if (!strcmp(argv[1], "prepare")) {
		prepare();
		return 0;
	}
	/* So that the inode is marked as one without privileges to remove (S_NOSEC), as a fresh one is. */
	if (!strcmp(argv[1], "again"))
		return write_at(buffer(BLOCK), BLOCK, 0), 0;
	if (!strcmp(argv[1], "where"))
		return where(seed), 0;
	if (!strcmp(argv[1], "fill"))
		return fill(argv[2], seed), 0;
	rounds = argc > 4 ? atoi(argv[4]) : 5;
	if (argc > 5)
		expected = strcmp(argv[5], "EIO") ? ENOSPC : EIO;
	if (strcmp(argv[1], "mixed"))
		count -= MIXED;
	pthread_barrier_init(&start, NULL, count);
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)&tasks[i]))
			die("pthread_create");
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
