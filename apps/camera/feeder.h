/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds the clip to the mounts that play. A player is the feeder's part in one
 * running pipeline. One thread with one timer carries the units of all players
 * through their pipelines, down to the socket: 64 mounts that woke up a thread
 * for every unit cost half as much again.
 *
 * A pipeline may hold that thread up (gst-rtsp-server stops where a TCP client
 * does not read). Then the thread is left to it and the others get a new one.
 *
 * A player starts with the clip's first key frame when it is played and goes on
 * for ever: timestamps never go back, the loop cannot be seen in them, nor a jump,
 * and both tracks have the same origin. The calls below are safe on any thread.
 */
#pragma once

#include "apps/camera/clip.h"

#include <gst/app/gstappsrc.h>

struct feeder;
struct player;

/* clip is borrowed and outlives the feeder. NULL when there is no thread to be had. */
struct feeder *feeder_create(const struct clip *clip);

/* Ends the threads. Every player has been destroyed before. */
void feeder_destroy(struct feeder *feeder);

/* How many players there are. */
unsigned feeder_players(struct feeder *feeder);

/*
 * Gives the players of a thread that has been held up for long to a new one. To
 * be called every FEEDER_WATCH milliseconds.
 */
#define FEEDER_WATCH 100
void feeder_watch(struct feeder *feeder);

/*
 * Joins a pipeline by its sources (NULL where the clip has no such track;
 * referenced until the player is destroyed). Gives them their caps, and one unit
 * each when the pipeline asks, because it is ready only once it has one.
 */
struct player *player_create(struct feeder *feeder, GstAppSrc *const sources[TRACKS]);

/* The pipeline runs and its pads are open. */
void player_play(struct player *player);

/*
 * A key frame is wanted: the clip goes on at the next one that it has, now, and its
 * picture jumps. Timestamps do not. False: a key frame is next already, or nothing plays.
 */
bool player_jump(struct player *player);

/* The pipeline is about to stop: afterwards nothing of this player is on its way. */
void player_pause(struct player *player);

/* The pipeline has stopped for good. */
void player_destroy(struct player *player);
