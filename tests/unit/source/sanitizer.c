/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings of the leak checker, where it is compiled in: GLib gives up its first
 * table of quarks when it grows, on purpose, and only whole stacks tell that
 * apart from leaks of ours.
 */
#if defined(__SANITIZE_ADDRESS__)

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
	return "leak:call_init\nleak:_dl_init\n";
}

#else

extern int sanitizer_is_not_there; /* a translation unit must declare something */

#endif
