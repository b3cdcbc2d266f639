/* The engine over libiscsi: what QEMU and many others use. It costs two to three system calls per I/O. */
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

struct connection {
  struct iscsi_context *iscsi;
  int lun;
  uint32_t io_bytes, logical_bytes;
  struct scsi_iovec *iovs; /* one per op */
};

static void read_capacity(struct connection *connection, uint64_t *blocks) {
  struct scsi_task *task = iscsi_readcapacity16_sync(connection->iscsi, connection->lun);
  if (task == NULL || task->status != SCSI_STATUS_GOOD) die("READ CAPACITY(16): %s", iscsi_get_error(connection->iscsi));
  struct scsi_readcapacity16 *capacity = scsi_datain_unmarshall(task);
  if (capacity == NULL) die("READ CAPACITY(16) returned nonsense");
  *blocks = capacity->returned_lba + 1;
  connection->logical_bytes = capacity->block_length;
  scsi_free_scsi_task(task);
}

static void *libiscsi_open(const struct job *job, struct session *session, uint64_t *blocks, uint32_t *logical_bytes) {
  (void)session;
  if (job->has_data_digest) die("libiscsi 1.19 has no data digest; use --engine wire");
  if (job->is_one_session || job->writes_through) die("--one-session and --write-through are for --engine wire");
  struct connection *connection = calloc(1, sizeof *connection);
  connection->iscsi = iscsi_create_context("iqn.2026-11.org.example:load");
  connection->lun = job->lun;
  connection->io_bytes = job->block_bytes;
  connection->iovs = calloc((size_t)job->depth, sizeof *connection->iovs);
  iscsi_set_session_type(connection->iscsi, ISCSI_SESSION_NORMAL);
  iscsi_set_targetname(connection->iscsi, job->target);
  iscsi_set_header_digest(connection->iscsi, job->has_header_digest ? ISCSI_HEADER_DIGEST_CRC32C : ISCSI_HEADER_DIGEST_NONE);
  iscsi_set_noautoreconnect(connection->iscsi, 1);
  char portal[300];
  snprintf(portal, sizeof portal, "%s:%d", job->host, job->port);
  if (iscsi_full_connect_sync(connection->iscsi, portal, job->lun) != 0) die("login: %s", iscsi_get_error(connection->iscsi));
  read_capacity(connection, blocks);
  *logical_bytes = connection->logical_bytes;
  return connection;
}

static int libiscsi_fd(void *state) { return iscsi_get_fd(((struct connection *)state)->iscsi); }

static void on_done(struct iscsi_context *iscsi, int status, void *command_data, void *private_data) {
  if (status == SCSI_STATUS_ERROR || status == SCSI_STATUS_CANCELLED) die("connection lost: %s", iscsi_get_error(iscsi));
  scsi_free_scsi_task(command_data);
  op_done(private_data, status);
}

static void libiscsi_submit(void *state, struct op *op) {
  struct connection *c = state;
  struct scsi_iovec *iov = &c->iovs[op->index];
  iov->iov_base = op->data;
  iov->iov_len = c->io_bytes;
  struct scsi_task *task;
  int bytes = (int)c->logical_bytes;
  if (op->is_read && op->lba <= UINT32_MAX) {
    task = iscsi_read10_iov_task(c->iscsi, c->lun, (uint32_t)op->lba, c->io_bytes, bytes, 0, 0, 0, 0, 0, on_done, op, iov, 1);
  } else if (op->is_read) {
    task = iscsi_read16_iov_task(c->iscsi, c->lun, op->lba, c->io_bytes, bytes, 0, 0, 0, 0, 0, on_done, op, iov, 1);
  } else if (op->lba <= UINT32_MAX) {
    task = iscsi_write10_iov_task(c->iscsi, c->lun, (uint32_t)op->lba, NULL, c->io_bytes, bytes, 0, 0, 0, 0, 0, on_done, op, iov, 1);
  } else {
    task = iscsi_write16_iov_task(c->iscsi, c->lun, op->lba, NULL, c->io_bytes, bytes, 0, 0, 0, 0, 0, on_done, op, iov, 1);
  }
  if (task == NULL) die("a command could not be queued: %s", iscsi_get_error(c->iscsi));
}

static bool libiscsi_flush(void *state) {
  struct iscsi_context *iscsi = ((struct connection *)state)->iscsi;
  if ((iscsi_which_events(iscsi) & POLLOUT) == 0) return false;
  if (iscsi_service(iscsi, POLLOUT) != 0) die("writing: %s", iscsi_get_error(iscsi));
  return (iscsi_which_events(iscsi) & POLLOUT) != 0;
}

static void libiscsi_service(void *state, bool is_readable, bool is_writable) {
  struct iscsi_context *iscsi = ((struct connection *)state)->iscsi;
  int events = (is_readable ? POLLIN : 0) | (is_writable ? POLLOUT : 0);
  if (iscsi_service(iscsi, events) != 0) die("the connection broke: %s", iscsi_get_error(iscsi));
}

static void libiscsi_close(void *state) {
  struct connection *connection = state;
  iscsi_logout_sync(connection->iscsi);
  iscsi_destroy_context(connection->iscsi);
}

const struct engine engine_libiscsi = {"libiscsi",     libiscsi_open,    libiscsi_fd,   libiscsi_submit,
                                       libiscsi_flush, libiscsi_service, libiscsi_close};
