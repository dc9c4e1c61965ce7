/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench soak: takes what nobody else wants of one CPU and counts it. The
 * loops that it loses while a server works there are what the server takes from the
 * machine, kernel and hypervisor included, whatever account they keep of it. Runs
 * until it is ended, as SCHED_IDLE: whoever wakes up there does not wait for it.
 * One thread; scripts/bench peers reads the counts from the file meanwhile.
 */
#include "apps/bench/bench.h"
#include "apps/bench/options.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STEPS 100   /* multiplications of a loop, each waits for the one before */
#define AWAY_NS 800 /* a loop takes 200: one that took longer was interrupted */

/* The file; one writer, anybody reads. */
struct counts {
	_Atomic uint64_t loops;
	_Atomic uint64_t away_ns; /* in loops that were interrupted */
	_Atomic uint64_t now_ns;  /* CLOCK_MONOTONIC, at the end of the last loop */
	_Atomic uint64_t number;  /* what the loops work at: nobody may leave them out */
};

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* A chain: it neither needs the caches nor minds what else the core executes. */
static uint64_t work(uint64_t x)
{
	for (unsigned int i = 0; i < STEPS; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x)); /* one after the other */
	}
	return x;
}

static void count(struct counts *c)
{
	uint64_t before = monotonic_ns();
	uint64_t x = before;
	uint64_t away = 0;

	for (uint64_t loops = 1;; loops++) {
		uint64_t now;

		x = work(x);
		now = monotonic_ns();
		if (now - before > AWAY_NS)
			away += now - before;
		before = now;
		atomic_store_explicit(&c->number, x, memory_order_relaxed);
		atomic_store_explicit(&c->away_ns, away, memory_order_relaxed);
		atomic_store_explicit(&c->now_ns, now, memory_order_relaxed);
		atomic_store_explicit(&c->loops, loops, memory_order_release);
	}
}

static struct counts *counts_map(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct counts *c = NULL;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, sizeof(*c)) == 0) {
		c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (c == MAP_FAILED)
			c = NULL;
	}
	close(fd);
	return c;
}

static const char usage[] =
	"usage: millrace-bench soak --cpu N --file FILE\n\n"
	"Takes what is left of a CPU until it is ended. FILE has four numbers of 64 bits:\n"
	"loops done, nanoseconds in loops that were interrupted, CLOCK_MONOTONIC in\n"
	"nanoseconds, and one without meaning.\n";

int bench_soak(int argc, char **argv)
{
	const struct sched_param none = {0};
	const char *file = NULL;
	uint32_t cpu = CPU_SETSIZE;
	const struct bench_option options[] = {
		{"cpu", BENCH_NUMBER, &cpu, 0, CPU_SETSIZE - 1},
		{"file", BENCH_TEXT, &file},
		{0},
	};
	int rc = bench_options_read(options, usage, argc, argv);
	struct counts *c;
	cpu_set_t set;

	if (rc >= 0)
		return rc;
	if (cpu == CPU_SETSIZE || file == NULL)
		return bench_options_wrong("--cpu and --file are needed");
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	c = counts_map(file);
	if (c == NULL || sched_setaffinity(0, sizeof(set), &set) != 0 ||
		sched_setscheduler(0, SCHED_IDLE, &none) != 0) {
		perror("millrace-bench: soak");
		return 1;
	}
	count(c);
	return 0;
}
