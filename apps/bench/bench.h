/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-bench: one program, a subcommand per measurement, a file per
 * subcommand. A subcommand parses its own options, prints a table for people
 * and, with --json, one object on the last line of standard output.
 */
#ifndef APPS_BENCH_BENCH_H
#define APPS_BENCH_BENCH_H

/* argv[0] is the subcommand's name. The program's exit status: 0, 1 (it could not be
 * measured; standard error says why), 2 (wrong options). */
int bench_fanout(int argc, char **argv);
int bench_kernel(int argc, char **argv);
int bench_neighbour(int argc, char **argv);
int bench_wire(int argc, char **argv);
int bench_nacks(int argc, char **argv);
int bench_soak(int argc, char **argv);

#endif
