/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a stream's owner tells other workers that audiences of theirs have new
 * packets. An audience lies in the ring to its worker once at most (`told`), and
 * the ring has a slot for every stream: it is never full. A worker's lcore.
 */
#ifndef DATAPLANE_PIPELINE_SPREAD_H
#define DATAPLANE_PIPELINE_SPREAD_H

struct audience;
struct worker;

/* Owner: tells of all streams that got packets (worker_fresh_stream()). */
void spread_send(struct worker *w);
/* The others: what they are told joins the fan-out's list. */
void spread_receive(struct worker *w);
/* Its worker, once its owner tells of it no more: nothing refers to it any more. */
void spread_forget(struct worker *w, const struct audience *a);

#endif
