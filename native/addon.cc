// Gives the environment that loads it what src/native/native-addon.ts describes.
#include <errno.h>
#include <fcntl.h>
#include <napi.h>

#include "addon_data.h"
#include "crc32c.h"
#include "js_busy_poll.h"
#include "js_file.h"
#include "js_listener.h"
#include "js_ring.h"
#include "js_sender.h"
#include "napi_check.h"
#include "numa_node.h"
#include "ring_layout.h"

namespace gotgt {

namespace {

Napi::Value crc32c_bytes(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t crc = arguments.u32(0);
  const uint64_t offset = arguments.offset(2);
  const uint64_t length = arguments.offset(3);
  const uint8_t* const data = arguments.bytes(1, offset, length);
  if (!arguments.ok()) return arguments.fail();
  return Napi::Number::New(info.Env(), crc32c(crc, data, length));
}

Napi::Array to_array(Napi::Env env, const std::vector<int>& numbers) {
  Napi::Array array = Napi::Array::New(env, numbers.size());
  for (uint32_t i = 0; i < numbers.size(); i++) array.Set(i, numbers[i]);
  return array;
}

Napi::Value get_numa_topology(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array array = Napi::Array::New(env);
  for (const NumaNode& node : numa_topology()) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("node", node.node);
    object.Set("cpus", to_array(env, node.cpus));
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Value pin_this_thread(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Array array = arguments.array(0);
  if (!arguments.ok()) return arguments.fail();
  std::vector<int> cpus;
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Value cpu = array[i];
    cpus.push_back(cpu.IsNumber() ? cpu.As<Napi::Number>().Int32Value() : -1);
  }
  return Napi::Number::New(info.Env(), pin_thread(cpus));
}

Napi::Value get_page_node(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint8_t* const data = arguments.bytes(0, arguments.offset(1), 1);
  if (!arguments.ok()) return arguments.fail();
  return Napi::Number::New(info.Env(), page_node(data));
}

Napi::Value duplicate_descriptor(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.fd(0);
  if (!arguments.ok()) return arguments.fail();
  const int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return Napi::Number::New(info.Env(), duplicate < 0 ? -errno : duplicate);
}

Napi::Object describe_layout(Napi::Env env) {
  Napi::Object layout = Napi::Object::New(env);
  for (const LayoutNumber& number : kLayoutNumbers) layout.Set(number.name, number.value);
  return layout;
}

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto data = std::make_unique<AddonData>();
  data->ring_class = Napi::Persistent(define_ring_class(env));
  data->listener_class = Napi::Persistent(define_listener_class(env));
  data->sender_class = Napi::Persistent(define_sender_class(env));
  data->busy_poll_class = Napi::Persistent(define_busy_poll_class(env));
  env.SetInstanceData(data.release());

  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  exports.Set("layout", describe_layout(env));
  add("createArena", create_arena);
  add("openRing", open_ring);
  add("listen", listen_on);
  add("createSender", create_sender);
  add("createBusyPoll", create_busy_poll);
  add("crc32c", crc32c_bytes);
  add("flock", flock_file);
  add("unlock", unlock_opened_file);
  add("fallocate", fallocate_file);
  add("writeDsync", write_file_dsync);
  add("copyRange", copy_file_data);
  add("seekData", seek_file_data);
  add("seekHole", seek_file_hole);
  add("blockDeviceSize", get_block_device_size);
  add("directAlignment", get_direct_alignment);
  add("numaTopology", get_numa_topology);
  add("pinThread", pin_this_thread);
  add("pageNode", get_page_node);
  add("duplicate", duplicate_descriptor);
  return exports;
}

// A context-aware registration: each environment that loads the addon calls init for itself.
NODE_API_MODULE(gotgt_native, init)

}  // namespace gotgt
