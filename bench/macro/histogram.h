/*
 * A log-linear histogram of nanoseconds: 64 steps to each power of two, so a percentile is wrong by 1.6 % at the most,
 * whatever its size.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 6
#define HISTOGRAM_STEPS (1 << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
  uint64_t buckets[HISTOGRAM_BUCKETS];
  uint64_t count;
  uint64_t sum_ns;
  uint64_t max_ns;
};

static inline unsigned histogram_index(uint64_t ns) {
  if (ns < HISTOGRAM_STEPS) return (unsigned)ns;
  unsigned shift = 63 - HISTOGRAM_STEP_BITS - (unsigned)__builtin_clzll(ns);
  return (shift + 1) * HISTOGRAM_STEPS + (unsigned)((ns >> shift) & (HISTOGRAM_STEPS - 1));
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns) {
  histogram->buckets[histogram_index(ns)]++;
  histogram->count++;
  histogram->sum_ns += ns;
  if (ns > histogram->max_ns) histogram->max_ns = ns;
}

/* The smallest value that belongs to a bucket. */
static inline uint64_t histogram_value(unsigned index) {
  if (index < HISTOGRAM_STEPS) return index;
  unsigned shift = index / HISTOGRAM_STEPS - 1;
  return ((uint64_t)HISTOGRAM_STEPS + index % HISTOGRAM_STEPS) << shift;
}

/* share: 0.99 for the 99th percentile. 0 when nothing was added. */
static inline uint64_t histogram_percentile(const struct histogram *histogram, double share) {
  uint64_t wanted = (uint64_t)(share * (double)histogram->count);
  uint64_t seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (seen > wanted) return histogram_value(i);
  }
  return histogram->max_ns;
}

#endif
