/*
 * The load generator: keeps job.depth I/Os going on each of job.sessions sessions for a time, and prints one JSON line.
 * One process, one thread, one epoll loop for all sessions; it reports the CPU time that it took itself, so a reader can
 * see whether the client or the server was the limit.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

#define SESSIONS_MAX 1024
#define DEPTH_MAX 1024
#define IO_BYTES_MAX (16u << 20)
#define STALL_SECONDS 20

struct session {
  void *state;
  struct op *ops;
  struct op **idle; /* stack of ops that are not in flight */
  int idle_count;
  bool wants_write;
  uint64_t next_sequential;
};

struct cpu_time {
  double user_s, system_s;
};

enum phase { PHASE_WARMUP, PHASE_MEASURE, PHASE_DRAIN };

static struct job job = {.host = "127.0.0.1", .lun = 0, .sessions = 1, .depth = 32, .block_bytes = 4096, .read_percent = 100,
                         .is_random = true, .seconds = 2, .warmup_seconds = 0.5, .seed = 1, .burst_bytes = 262144,
                         .recv_segment_bytes = 262144, .outstanding_r2ts = 1};
static const struct engine *engine = &engine_wire;
static struct session *sessions;
static uint64_t disk_blocks; /* logical blocks that are used */
static uint32_t logical_bytes;
static uint64_t random_state;
static struct histogram latencies;
static enum phase phase = PHASE_WARMUP;
static uint64_t now_ns; /* read once per turn of the loop for completions, again for submissions */
static uint64_t measured_ops, measured_bytes, total_started, total_done, verified_bytes;
static int in_flight;

_Noreturn void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static uint64_t monotonic_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* xorshift64*: fast, and the same sequence for the same seed. */
static uint64_t random_next(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1dULL;
}

/* ---- verified data: every 8 bytes say where they belong and which run wrote them ---- */

static uint64_t word_at(uint64_t byte_offset) { return (byte_offset / 8) ^ (job.stamp * 0x9e3779b97f4a7c15ULL); }

static void fill(struct op *op) {
  uint64_t offset = op->lba * logical_bytes;
  for (uint32_t i = 0; i < job.block_bytes; i += 8) {
    uint64_t word = word_at(offset + i);
    memcpy(op->data + i, &word, 8);
  }
}

static void check(const struct op *op) {
  uint64_t offset = op->lba * logical_bytes;
  for (uint32_t i = 0; i < job.block_bytes; i += 8) {
    uint64_t word;
    memcpy(&word, op->data + i, 8);
    if (word != word_at(offset + i)) {
      die("wrong data at byte %llu of the disk: %016llx, expected %016llx", (unsigned long long)(offset + i),
          (unsigned long long)word, (unsigned long long)word_at(offset + i));
    }
  }
  verified_bytes += job.block_bytes;
}

/* ---- the load ---- */

static bool may_start(void) { return phase != PHASE_DRAIN && (job.count_max == 0 || total_started < job.count_max); }

static uint64_t next_lba(struct session *session) {
  uint64_t per_io = job.block_bytes / logical_bytes;
  uint64_t places = disk_blocks / per_io;
  if (job.is_random) return (random_next() >> 11) % places * per_io;
  uint64_t place = session->next_sequential;
  session->next_sequential = (place + 1) % places;
  return place * per_io;
}

static void start_ops(struct session *session) {
  while (session->idle_count > 0 && may_start()) {
    struct op *op = session->idle[--session->idle_count];
    op->is_read = job.read_percent == 100 || (int)(random_next() >> 33) % 100 < job.read_percent;
    op->lba = next_lba(session);
    if (!op->is_read && job.verifies) fill(op);
    op->start_ns = now_ns;
    total_started++;
    in_flight++;
    engine->submit(session->state, op);
  }
}

void op_done(struct op *op, int scsi_status) {
  if (scsi_status != 0) die("a %s ended with SCSI status 0x%02x", op->is_read ? "read" : "write", scsi_status);
  if (op->is_read && job.verifies) check(op);
  total_done++;
  in_flight--;
  if (phase == PHASE_MEASURE) {
    measured_ops++;
    measured_bytes += job.block_bytes;
    histogram_add(&latencies, now_ns - op->start_ns);
  }
  struct session *session = op->session;
  session->idle[session->idle_count++] = op;
}

static void want_write(int epoll_fd, struct session *session, bool wants) {
  if (session->wants_write == wants) return;
  session->wants_write = wants;
  struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0u), .data.ptr = session};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, engine->fd(session->state), &event) != 0) die("epoll_ctl: %m");
}

static void go_on(int epoll_fd, struct session *session) {
  now_ns = monotonic_ns();
  start_ops(session);
  want_write(epoll_fd, session, engine->flush(session->state));
}

/* ---- CPU time ---- */

static struct cpu_time own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  struct cpu_time time = {.user_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
                          .system_s = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6};
  return time;
}

/* proc(5): fields 14 and 15 of /proc/PID/stat count all threads of the process, in clock ticks. */
static struct cpu_time server_cpu(void) {
  struct cpu_time time = {0, 0};
  if (job.server_pid == 0) return time;
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", job.server_pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) die("there is no server process %d", job.server_pid);
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = '\0';
  char *after_name = strrchr(text, ')'); /* the name may hold blanks and parentheses */
  unsigned long user_ticks, system_ticks;
  if (after_name == NULL ||
      sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user_ticks, &system_ticks) != 2) {
    die("%s cannot be understood", path);
  }
  double ticks = (double)sysconf(_SC_CLK_TCK);
  time.user_s = (double)user_ticks / ticks;
  time.system_s = (double)system_ticks / ticks;
  return time;
}

/* ---- command line ---- */

static const char USAGE[] =
    "usage: load --port N --target NAME [options]\n"
    "  --host A --lun N --engine wire|libiscsi --sessions N --depth N --block BYTES --span BYTES\n"
    "  --rw read|write|mixed --read-percent P (mixed) --pattern random|sequential\n"
    "  --seconds S --warmup S --count N (ops, warm-up included) --header-digest --data-digest (wire only)\n"
    "  --verify STAMP (data carries place and stamp) --seed N --server-pid PID\n"
    "  --one-session (the sessions are connections of one) --write-through (WCE off) (wire only)\n"
    "  --burst BYTES --outstanding-r2ts N --recv-segment BYTES (MaxBurstLength, MaxOutstandingR2T and\n"
    "  MaxRecvDataSegmentLength as the client names them; wire only)\n"
    "  --idle (log in, say so in one line, keep the sessions for --seconds without any I/O)\n";

static double number(const char *text, double low, double high, const char *name) {
  char *end;
  double value = strtod(text, &end);
  if (*end != '\0' || end == text || value < low || value > high) die("--%s %s: a number from %g to %g", name, text, low, high);
  return value;
}

static void set_rw(const char *text) {
  if (strcmp(text, "read") == 0) job.read_percent = 100;
  else if (strcmp(text, "write") == 0) job.read_percent = 0;
  else if (strcmp(text, "mixed") == 0) job.read_percent = 70;
  else die("--rw %s: read, write or mixed", text);
}

static void parse(int argc, char **argv) {
  static const struct option options[] = {
      {"host", 1, 0, 'h'},         {"port", 1, 0, 'p'},          {"target", 1, 0, 't'},      {"lun", 1, 0, 'l'},
      {"engine", 1, 0, 'e'},       {"sessions", 1, 0, 's'},      {"depth", 1, 0, 'd'},       {"block", 1, 0, 'b'},
      {"rw", 1, 0, 'r'},           {"read-percent", 1, 0, 'R'},  {"pattern", 1, 0, 'P'},     {"seconds", 1, 0, 'S'},
      {"warmup", 1, 0, 'w'},       {"count", 1, 0, 'c'},         {"header-digest", 0, 0, 'H'}, {"data-digest", 0, 0, 'D'},
      {"verify", 1, 0, 'v'},       {"seed", 1, 0, 'x'},          {"server-pid", 1, 0, 'i'},  {"span", 1, 0, 'n'},
      {"idle", 0, 0, 'I'},         {"one-session", 0, 0, 'O'},   {"write-through", 0, 0, 'W'}, {"burst", 1, 0, 'B'},
      {"outstanding-r2ts", 1, 0, 'o'}, {"recv-segment", 1, 0, 'g'},
      {0, 0, 0, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (option) {
      case 'h': job.host = optarg; break;
      case 'p': job.port = (int)number(optarg, 1, 65535, "port"); break;
      case 't': job.target = optarg; break;
      case 'l': job.lun = (int)number(optarg, 0, 255, "lun"); break;
      case 'e':
        if (strcmp(optarg, "wire") == 0) engine = &engine_wire;
        else if (strcmp(optarg, "libiscsi") == 0) engine = &engine_libiscsi;
        else die("--engine %s: wire or libiscsi", optarg);
        break;
      case 's': job.sessions = (int)number(optarg, 1, SESSIONS_MAX, "sessions"); break;
      case 'd': job.depth = (int)number(optarg, 1, DEPTH_MAX, "depth"); break;
      case 'b': job.block_bytes = (uint32_t)number(optarg, 512, IO_BYTES_MAX, "block"); break;
      case 'r': set_rw(optarg); break;
      case 'R': job.read_percent = (int)number(optarg, 0, 100, "read-percent"); break;
      case 'P': job.is_random = strcmp(optarg, "random") == 0; break;
      case 'S': job.seconds = number(optarg, 0.01, 86400, "seconds"); break;
      case 'w': job.warmup_seconds = number(optarg, 0, 3600, "warmup"); break;
      case 'c': job.count_max = (uint64_t)number(optarg, 1, 1e15, "count"); break;
      case 'H': job.has_header_digest = true; break;
      case 'D': job.has_data_digest = true; break;
      case 'v': job.verifies = true; job.stamp = (uint64_t)number(optarg, 0, 1e15, "verify"); break;
      case 'x': job.seed = (uint64_t)number(optarg, 1, 1e15, "seed"); break;
      case 'i': job.server_pid = (int)number(optarg, 1, 1e9, "server-pid"); break;
      case 'n': job.span_bytes = (uint64_t)number(optarg, 512, 9e15, "span"); break;
      case 'I': job.is_idle = true; break;
      case 'O': job.is_one_session = true; break;
      case 'W': job.writes_through = true; break;
      case 'B': job.burst_bytes = (uint32_t)number(optarg, 512, 16777215, "burst"); break;
      case 'o': job.outstanding_r2ts = (int)number(optarg, 1, 65535, "outstanding-r2ts"); break;
      case 'g': job.recv_segment_bytes = (uint32_t)number(optarg, 512, 16777215, "recv-segment"); break;
      default: fputs(USAGE, stderr); exit(2);
    }
  }
  if (job.port == 0 || job.target == NULL || optind != argc) { fputs(USAGE, stderr); exit(2); }
}

/* ---- set-up ---- */

static void open_session(struct session *session) {
  uint64_t blocks;
  session->state = engine->open(&job, session, &blocks, &logical_bytes);
  if (job.span_bytes != 0 && job.span_bytes / logical_bytes < blocks) blocks = job.span_bytes / logical_bytes;
  disk_blocks = blocks;
  if (job.block_bytes % logical_bytes != 0 || job.block_bytes / logical_bytes > blocks) {
    die("--block %u does not fit a disk of %llu blocks of %u bytes", job.block_bytes, (unsigned long long)blocks, logical_bytes);
  }
  session->ops = calloc((size_t)job.depth, sizeof *session->ops);
  session->idle = calloc((size_t)job.depth, sizeof *session->idle);
  for (int i = 0; i < job.depth; i++) {
    struct op *op = &session->ops[i];
    op->session = session;
    op->index = i;
    op->data = aligned_alloc(4096, (job.block_bytes + 4095u) & ~4095u);
    if (op->data == NULL) die("out of memory");
    for (uint32_t at = 0; at < job.block_bytes; at++) op->data[at] = (uint8_t)(random_next() >> 56);
    session->idle[session->idle_count++] = op;
  }
  /* Sequential sessions share the disk: each begins in its own part. */
  uint64_t places = disk_blocks / (job.block_bytes / logical_bytes);
  session->next_sequential = places / (uint64_t)job.sessions * (uint64_t)(session - sessions);
}

static int open_all(void) {
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  sessions = calloc((size_t)job.sessions, sizeof *sessions);
  for (int i = 0; i < job.sessions; i++) {
    open_session(&sessions[i]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &sessions[i]};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, engine->fd(sessions[i].state), &event) != 0) die("epoll_ctl: %m");
  }
  return epoll_fd;
}

/* ---- the run ---- */

struct window {
  uint64_t start_ns, end_ns;
  struct cpu_time own_start, own_end, server_start, server_end;
};

static void begin_window(struct window *window) {
  phase = PHASE_MEASURE;
  window->own_start = own_cpu();
  window->server_start = server_cpu();
  window->start_ns = monotonic_ns();
}

static void end_window(struct window *window) {
  phase = PHASE_DRAIN;
  window->end_ns = monotonic_ns();
  window->own_end = own_cpu();
  window->server_end = server_cpu();
}

static void step_phase(struct window *window, uint64_t began_ns) {
  bool is_counted_out = job.count_max != 0 && total_done >= job.count_max;
  if (phase == PHASE_WARMUP && now_ns - began_ns >= (uint64_t)(job.warmup_seconds * 1e9)) begin_window(window);
  else if (phase == PHASE_MEASURE && (is_counted_out || now_ns - window->start_ns >= (uint64_t)(job.seconds * 1e9))) end_window(window);
}

static void run(int epoll_fd, struct window *window) {
  struct epoll_event events[64];
  uint64_t began_ns = now_ns = monotonic_ns();
  step_phase(window, began_ns);
  for (int i = 0; i < job.sessions; i++) go_on(epoll_fd, &sessions[i]);
  while (phase != PHASE_DRAIN || in_flight > 0) {
    int count = epoll_wait(epoll_fd, events, 64, STALL_SECONDS * 1000);
    if (count < 0 && errno != EINTR) die("epoll_wait: %m");
    if (count == 0) die("nothing came for %d s with %d I/Os in flight", STALL_SECONDS, in_flight);
    for (int i = 0; i < count; i++) {
      struct session *session = events[i].data.ptr;
      now_ns = monotonic_ns();
      engine->service(session->state, (events[i].events & ~(uint32_t)EPOLLOUT) != 0, (events[i].events & EPOLLOUT) != 0);
      go_on(epoll_fd, session);
    }
    step_phase(window, began_ns);
  }
}

static void print_result(const struct window *window) {
  double seconds = (double)(window->end_ns - window->start_ns) / 1e9;
  double ops = measured_ops > 0 ? (double)measured_ops : 1;
  double own_user = window->own_end.user_s - window->own_start.user_s;
  double own_system = window->own_end.system_s - window->own_start.system_s;
  double server_user = window->server_end.user_s - window->server_start.user_s;
  double server_system = window->server_end.system_s - window->server_start.system_s;
  printf("{\"engine\":\"%s\",\"ops\":%llu,\"seconds\":%.4f,\"iops\":%.1f,\"mibPerS\":%.2f,", engine->name,
         (unsigned long long)measured_ops, seconds, (double)measured_ops / seconds,
         (double)measured_bytes / seconds / 1048576);
  printf("\"latencyUs\":{\"mean\":%.2f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f},",
         (double)latencies.sum_ns / ops / 1e3, (double)histogram_percentile(&latencies, 0.5) / 1e3,
         (double)histogram_percentile(&latencies, 0.9) / 1e3, (double)histogram_percentile(&latencies, 0.99) / 1e3,
         (double)histogram_percentile(&latencies, 0.999) / 1e3, (double)latencies.max_ns / 1e3);
  printf("\"clientCpu\":{\"load\":%.3f,\"usPerIo\":%.3f},", (own_user + own_system) / seconds,
         (own_user + own_system) / ops * 1e6);
  printf("\"serverCpu\":{\"load\":%.3f,\"usPerIo\":%.3f,\"userUsPerIo\":%.3f,\"systemUsPerIo\":%.3f},",
         (server_user + server_system) / seconds, (server_user + server_system) / ops * 1e6, server_user / ops * 1e6,
         server_system / ops * 1e6);
  printf("\"verifiedBytes\":%llu}\n", (unsigned long long)verified_bytes);
}

static void stay_idle(double login_seconds) {
  printf("{\"engine\":\"%s\",\"sessions\":%d,\"loginSeconds\":%.4f}\n", engine->name, job.sessions, login_seconds);
  fflush(stdout);
  usleep((useconds_t)(job.seconds * 1e6));
}

int main(int argc, char **argv) {
  parse(argc, argv);
  random_state = job.seed * 0x9e3779b97f4a7c15ULL | 1;
  struct window window = {0};
  uint64_t began_ns = monotonic_ns();
  int epoll_fd = open_all();
  if (job.is_idle) {
    stay_idle((double)(monotonic_ns() - began_ns) / 1e9);
  } else {
    run(epoll_fd, &window);
    print_result(&window);
  }
  for (int i = 0; i < job.sessions; i++) engine->close(sessions[i].state);
  return 0;
}
