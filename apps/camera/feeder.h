/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds the clip to every mount that plays. One thread with one timer does it
 * for all of them; a player is the feeder's part in one running pipeline.
 *
 * A player starts with the clip's first key frame when it is played and goes on
 * for ever: timestamps never go back, the loop cannot be seen in them, and both
 * tracks have the same origin. The calls below are safe on any thread.
 */
#pragma once

#include "apps/camera/clip.h"

#include <gst/app/gstappsrc.h>

struct feeder;
struct player;

/* clip is borrowed and outlives the feeder. NULL when there is no thread to be had. */
struct feeder *feeder_create(const struct clip *clip);

/* Ends the thread. Every player has been destroyed before. */
void feeder_destroy(struct feeder *feeder);

/* How many players there are. */
unsigned feeder_players(struct feeder *feeder);

/*
 * Joins a pipeline by its sources (NULL where the clip has no such track;
 * referenced until the player is destroyed). Gives them their caps, and one unit
 * each when the pipeline asks, because it is ready only once it has one.
 */
struct player *player_create(struct feeder *feeder, GstAppSrc *const sources[TRACKS]);
void player_play(struct player *player);
void player_pause(struct player *player);
void player_destroy(struct player *player);
