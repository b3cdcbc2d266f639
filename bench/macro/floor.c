/*
 * The floor: the least that any server of this kind can do with sockets and pread. One thread, one epoll loop, no checks of
 * any sort, one recv in big gulps, one pread or pwrite per command, one write per gulp. It answers just enough of RFC 7143
 * and SBC-4 for libiscsi and for our load generator, and is wrong in every other way: never use it for data.
 *
 *   floor PORT DISK...      a file or null:BYTES each, LUN 0 and on; prints "listening PORT" when it is ready
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire-format.h"

#define GULP_BYTES (1u << 20)
/* Answers of one gulp, shared by all connections: they leave before the next gulp. */
#define OUT_BYTES (8u << 20)
#define SEGMENT_BYTES 262144
#define BLOCK_BYTES 512
#define WINDOW 128
#define TAGS_MAX 65536
#define DISKS_MAX 8

struct disk {
  int file; /* -1: null */
  uint64_t bytes;
};

/* A write whose data comes in Data-Out PDUs. */
struct transfer {
  int file;
  uint64_t offset;
  uint32_t left;
};

struct connection {
  int fd;
  uint8_t *in;
  size_t in_start, in_end;
  uint32_t stat_sn, cmd_sn;
  struct transfer transfers[TAGS_MAX];
};

static struct disk disks[DISKS_MAX];
static uint8_t *out;
static size_t out_bytes;

static _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

/* ---- output ---- */

/* Blocks when the socket is full: simple, and right as long as clients read. */
static void flush_out(struct connection *c) {
  size_t sent = 0;
  while (sent < out_bytes) {
    ssize_t bytes = write(c->fd, out + sent, out_bytes - sent);
    if (bytes > 0) sent += (size_t)bytes;
    else if (errno == EAGAIN) poll(&(struct pollfd){.fd = c->fd, .events = POLLOUT}, 1, -1);
    else break; /* the client has gone; the next recv says so */
  }
  out_bytes = 0;
}

/* Makes room and writes a header; the data is to follow at the returned place. */
static uint8_t *begin_pdu(struct connection *c, uint8_t opcode, uint8_t flags, uint32_t data_bytes, const uint8_t *request) {
  if (out_bytes + BHS_BYTES + data_bytes + 4 > OUT_BYTES) flush_out(c);
  uint8_t *bhs = out + out_bytes;
  memset(bhs, 0, BHS_BYTES);
  bhs[0] = opcode;
  bhs[1] = flags;
  put24(bhs + 5, data_bytes);
  memcpy(bhs + 16, request + 16, 4); /* initiator task tag */
  put32(bhs + 24, c->stat_sn++);
  put32(bhs + 28, c->cmd_sn + 1);
  put32(bhs + 32, c->cmd_sn + WINDOW);
  out_bytes += BHS_BYTES + ((data_bytes + 3) & ~3u);
  return bhs;
}

static void send_good(struct connection *c, const uint8_t *request) { begin_pdu(c, SCSI_RESPONSE, 0x80, 0, request); }

static void send_data(struct connection *c, const uint8_t *request, const uint8_t *data, uint32_t bytes) {
  uint32_t wanted = get32(request + 20);
  if (bytes > wanted) bytes = wanted;
  uint8_t *bhs = begin_pdu(c, DATA_IN, 0x81, bytes, request);
  put32(bhs + 20, NO_TAG);
  memcpy(bhs + BHS_BYTES, data, bytes);
  if (bytes < wanted) {
    bhs[1] |= 0x02; /* underflow */
    put32(bhs + 44, wanted - bytes);
  }
}

/* ---- SCSI ---- */

static const struct disk *disk_of(const uint8_t *request) { return &disks[request[9] % DISKS_MAX]; }

static void do_read(struct connection *c, const uint8_t *request, uint64_t lba, uint32_t blocks) {
  int file = disk_of(request)->file;
  uint32_t left = blocks * BLOCK_BYTES, at = 0;
  uint64_t offset = lba * BLOCK_BYTES;
  for (uint32_t data_sn = 0; left > 0; data_sn++) {
    uint32_t bytes = left < SEGMENT_BYTES ? left : SEGMENT_BYTES;
    left -= bytes;
    uint8_t *bhs = begin_pdu(c, DATA_IN, left == 0 ? 0x81 : 0, bytes, request);
    if (left > 0) c->stat_sn--; /* no status, no number */
    put32(bhs + 20, NO_TAG);
    put32(bhs + 36, data_sn);
    put32(bhs + 40, at);
    if (file >= 0 && pread(file, bhs + BHS_BYTES, bytes, (off_t)(offset + at)) != (ssize_t)bytes) die("pread");
    if (file < 0) memset(bhs + BHS_BYTES, 0, bytes);
    at += bytes;
  }
}

static void store(int file, uint64_t offset, const uint8_t *data, uint32_t bytes) {
  if (file >= 0 && pwrite(file, data, bytes, (off_t)offset) != (ssize_t)bytes) die("pwrite");
}

static void do_write(struct connection *c, const uint8_t *request, const uint8_t *data, uint32_t bytes, uint64_t lba, uint32_t blocks) {
  uint64_t offset = lba * BLOCK_BYTES;
  struct transfer *transfer = &c->transfers[get32(request + 16) % TAGS_MAX];
  transfer->file = disk_of(request)->file;
  if (bytes > 0) store(transfer->file, offset, data, bytes);
  transfer->offset = offset;
  transfer->left = blocks * BLOCK_BYTES - bytes;
  if (transfer->left == 0) send_good(c, request);
}

static void on_data_out(struct connection *c, const uint8_t *request, const uint8_t *data, uint32_t bytes) {
  struct transfer *transfer = &c->transfers[get32(request + 16) % TAGS_MAX];
  store(transfer->file, transfer->offset + get32(request + 40), data, bytes);
  transfer->left -= bytes;
  if (transfer->left == 0) send_good(c, request);
}

static void do_inquiry(struct connection *c, const uint8_t *request, const uint8_t *cdb) {
  uint8_t data[96] = {0, 0, 0x06, 0x02, 91, 0, 0, 0x02};
  memcpy(data + 8, "BENCH   FLOOR           0001", 28);
  uint8_t pages[6] = {0, 0, 0, 2, 0x00, 0xb0}, limits[64] = {0, 0xb0, 0, 60};
  if ((cdb[1] & 1) == 0) send_data(c, request, data, sizeof data);
  else if (cdb[2] == 0xb0) send_data(c, request, limits, sizeof limits);
  else send_data(c, request, pages, sizeof pages);
}

static void on_command(struct connection *c, const uint8_t *request, const uint8_t *data, uint32_t bytes) {
  const uint8_t *cdb = request + 32;
  uint8_t answer[32] = {0};
  uint64_t last = disk_of(request)->bytes / BLOCK_BYTES - 1;
  c->cmd_sn = get32(request + 24);
  switch (cdb[0]) {
    case READ_10: do_read(c, request, get32(cdb + 2), get16(cdb + 7)); return;
    case READ_16: do_read(c, request, get64(cdb + 2), get32(cdb + 10)); return;
    case WRITE_10: do_write(c, request, data, bytes, get32(cdb + 2), get16(cdb + 7)); return;
    case WRITE_16: do_write(c, request, data, bytes, get64(cdb + 2), get32(cdb + 10)); return;
    case INQUIRY: do_inquiry(c, request, cdb); return;
    case READ_CAPACITY_10:
      put32(answer, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
      put32(answer + 4, BLOCK_BYTES);
      send_data(c, request, answer, 8);
      return;
    case SERVICE_ACTION_IN_16:
      put64(answer, last);
      put32(answer + 8, BLOCK_BYTES);
      send_data(c, request, answer, 32);
      return;
    case REPORT_LUNS:
      put32(answer, 8);
      send_data(c, request, answer, 16);
      return;
    case MODE_SENSE_6:
      answer[0] = 3;
      send_data(c, request, answer, 4);
      return;
    default: send_good(c, request);
  }
}

/* ---- iSCSI ---- */

static void on_login(struct connection *c, const uint8_t *request, const uint8_t *text, uint32_t bytes) {
  static const char security[] = "AuthMethod=None\0TargetPortalGroupTag=1";
  static const char operational[] =
      "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=262144\0InitialR2T=No\0ImmediateData=Yes\0"
      "MaxBurstLength=262144\0FirstBurstLength=262144\0MaxOutstandingR2T=1\0MaxConnections=1\0DataPDUInOrder=Yes\0"
      "DataSequenceInOrder=Yes\0DefaultTime2Wait=2\0DefaultTime2Retain=0\0ErrorRecoveryLevel=0";
  bool is_security = (request[1] & 0x0c) == 0;
  const char *answer = is_security ? security : operational;
  uint32_t length = (uint32_t)(is_security ? sizeof security : sizeof operational);
  (void)text;
  (void)bytes;
  c->cmd_sn = get32(request + 24) - 1; /* the first command takes the same number */
  uint8_t *bhs = begin_pdu(c, LOGIN_RESPONSE, request[1], length, request);
  memcpy(bhs + 8, request + 8, 6);
  put16(bhs + 14, 1); /* TSIH */
  memset(bhs + BHS_BYTES + length, 0, 3);
  memcpy(bhs + BHS_BYTES, answer, length);
}

static void on_nop_out(struct connection *c, const uint8_t *request, const uint8_t *data, uint32_t bytes) {
  if (get32(request + 16) == NO_TAG) return;
  uint8_t *bhs = begin_pdu(c, NOP_IN, 0x80, bytes, request);
  put32(bhs + 20, NO_TAG);
  memcpy(bhs + BHS_BYTES, data, bytes);
}

static void on_pdu(struct connection *c, const uint8_t *request, const uint8_t *data, uint32_t bytes) {
  switch (request[0] & OPCODE_MASK) {
    case SCSI_COMMAND: on_command(c, request, data, bytes); return;
    case DATA_OUT: on_data_out(c, request, data, bytes); return;
    case LOGIN_REQUEST: on_login(c, request, data, bytes); return;
    case NOP_OUT: on_nop_out(c, request, data, bytes); return;
    case LOGOUT_REQUEST: begin_pdu(c, LOGOUT_RESPONSE, 0x80, 0, request); return;
    default: fprintf(stderr, "floor: opcode 0x%02x passed over\n", request[0]);
  }
}

static void parse(struct connection *c) {
  for (;;) {
    size_t have = c->in_end - c->in_start;
    const uint8_t *bhs = c->in + c->in_start;
    if (have < BHS_BYTES) return;
    uint32_t bytes = get24(bhs + 5), ahs = bhs[4] * 4u;
    size_t whole = BHS_BYTES + ahs + ((bytes + 3) & ~3u);
    if (have < whole) return;
    c->in_start += whole;
    on_pdu(c, bhs, bhs + BHS_BYTES + ahs, bytes);
  }
}

/* Keeps what was not parsed at the front, moving it only when the room behind it gets short. */
static void make_room(struct connection *c) {
  size_t left = c->in_end - c->in_start;
  if (left == 0) c->in_start = c->in_end = 0;
  else if (GULP_BYTES - c->in_start < SEGMENT_BYTES + 2 * BHS_BYTES) {
    memmove(c->in, c->in + c->in_start, left);
    c->in_start = 0;
    c->in_end = left;
  }
}

static void on_readable(struct connection *c) {
  make_room(c);
  ssize_t bytes = recv(c->fd, c->in + c->in_end, GULP_BYTES - c->in_end, 0);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0) {
    close(c->fd);
    free(c->in);
    free(c);
    return;
  }
  c->in_end += (size_t)bytes;
  parse(c);
  if (out_bytes > 0) flush_out(c);
}

static void on_connection(int listener, int epoll_fd) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct connection *c = calloc(1, sizeof *c);
  c->fd = fd;
  c->in = malloc(GULP_BYTES);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) die("listen");
  getsockname(fd, (struct sockaddr *)&address, &length);
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void open_disk(struct disk *disk, const char *name) {
  struct stat status;
  disk->file = -1;
  if (strncmp(name, "null:", 5) == 0) {
    disk->bytes = strtoull(name + 5, NULL, 10);
    return;
  }
  disk->file = open(name, O_RDWR | O_CLOEXEC);
  if (disk->file < 0 || fstat(disk->file, &status) != 0) die(name);
  disk->bytes = (uint64_t)status.st_size;
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 2 + DISKS_MAX) {
    fputs("usage: floor PORT FILE|null:BYTES...\n", stderr);
    return 2;
  }
  for (int i = 2; i < argc; i++) open_disk(&disks[i - 2], argv[i]);
  out = malloc(OUT_BYTES);
  int listener = listen_on(atoi(argv[1])), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[64];
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(epoll_fd, events, 64, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) on_connection(listener, epoll_fd);
      else on_readable(events[i].data.ptr);
    }
  }
}
