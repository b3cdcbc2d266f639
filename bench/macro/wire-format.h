/* The few fields of RFC 7143 11 and SBC-4 5 that a load generator and a server without checks need. */
#ifndef BENCH_WIRE_FORMAT_H
#define BENCH_WIRE_FORMAT_H

#include <stdint.h>

#define BHS_BYTES 48
#define NO_TAG 0xffffffffu

enum opcode {
  NOP_OUT = 0x00, SCSI_COMMAND = 0x01, LOGIN_REQUEST = 0x03, DATA_OUT = 0x05, LOGOUT_REQUEST = 0x06,
  NOP_IN = 0x20, SCSI_RESPONSE = 0x21, LOGIN_RESPONSE = 0x23, DATA_IN = 0x25, LOGOUT_RESPONSE = 0x26, R2T = 0x31,
  OPCODE_MASK = 0x3f, IMMEDIATE = 0x40
};
enum scsi_opcode {
  TEST_UNIT_READY = 0x00, INQUIRY = 0x12, MODE_SELECT_6 = 0x15, MODE_SENSE_6 = 0x1a, READ_CAPACITY_10 = 0x25, READ_10 = 0x28, WRITE_10 = 0x2a,
  SYNCHRONIZE_CACHE_10 = 0x35, READ_16 = 0x88, WRITE_16 = 0x8a, SERVICE_ACTION_IN_16 = 0x9e, REPORT_LUNS = 0xa0
};

static inline void put16(uint8_t *at, uint32_t value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static inline void put24(uint8_t *at, uint32_t value) { at[0] = (uint8_t)(value >> 16); put16(at + 1, value); }
static inline void put32(uint8_t *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }
static inline void put64(uint8_t *at, uint64_t value) { put32(at, (uint32_t)(value >> 32)); put32(at + 4, (uint32_t)value); }
static inline uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t get24(const uint8_t *at) { return (uint32_t)at[0] << 16 | get16(at + 1); }
static inline uint32_t get32(const uint8_t *at) { return get16(at) << 16 | get16(at + 2); }
static inline uint64_t get64(const uint8_t *at) { return (uint64_t)get32(at) << 32 | get32(at + 4); }

#endif
