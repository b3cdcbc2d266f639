/*
 * What the load generator's parts share: the job from the command line, one record per I/O in flight, and the engine
 * interface. Two engines send the same load: "libiscsi" (a client everybody has) and "wire" (bare RFC 7143 with batched
 * system calls, so that the server and not the client is measured).
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job {
  const char *host;
  int port;
  const char *target;
  int lun;
  int sessions;
  int depth;
  uint32_t block_bytes; /* bytes of one I/O */
  int read_percent;
  bool is_random;
  double seconds;
  double warmup_seconds;
  uint64_t count_max; /* 0: until the time is over */
  bool has_header_digest;
  bool has_data_digest;
  bool verifies;
  uint64_t stamp; /* what verified data is made from, besides its place */
  uint64_t seed;
  uint64_t span_bytes; /* 0: the whole disk */
  int server_pid;      /* 0: nobody's CPU is read */
  bool is_idle;        /* sessions only, no I/O */
  bool is_one_session; /* what are sessions otherwise are connections of one (wire only) */
  bool writes_through; /* the write cache is switched off before the load begins (wire only) */
  /* what a wire session offers or declares */
  uint32_t burst_bytes, recv_segment_bytes;
  int outstanding_r2ts;
};

struct session;

/* One I/O; reused as soon as it has ended. */
struct op {
  struct session *session;
  int index;
  bool is_read;
  uint64_t lba; /* in logical blocks */
  uint64_t start_ns;
  uint8_t *data; /* job.block_bytes */
};

struct engine {
  const char *name;
  /* Logs in and reads the capacity; ends the process with a sentence when that fails. */
  void *(*open)(const struct job *job, struct session *session, uint64_t *blocks, uint32_t *block_bytes);
  int (*fd)(void *state);
  /* Takes an op; it may wait for flush() to be sent. */
  void (*submit)(void *state, struct op *op);
  /* Sends what can be sent; true when something is left and POLLOUT is needed. */
  bool (*flush)(void *state);
  /* The descriptor is ready: ends ops through op_done(). */
  void (*service)(void *state, bool is_readable, bool is_writable);
  void (*close)(void *state);
};

extern const struct engine engine_libiscsi;
extern const struct engine engine_wire;

/* Called by an engine. */
void op_done(struct op *op, int scsi_status);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
