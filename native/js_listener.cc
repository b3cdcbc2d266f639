#include "js_listener.h"

#include <errno.h>
#include <uv.h>

#include <memory>
#include <utility>

#include "addon_data.h"
#include "listener.h"
#include "loop_resource.h"
#include "napi_check.h"

namespace gotgt {

namespace {

// As node:net; the kernel caps it at net.core.somaxconn.
constexpr int kBacklogDefault = 511;
// A storm of connections leaves the loop room for others' I/O.
constexpr int kAcceptsPerWake = 32;
// Without descriptors (EMFILE) the socket stays readable: rest instead of spinning until some are closed.
constexpr uint64_t kErrorPauseMs = 100;

class ListenerOnLoop final : public LoopResource {
 public:
  ListenerOnLoop(Napi::Env env, std::unique_ptr<Listener> listener, Napi::Function on_connection,
                 Napi::Function on_error)
      : LoopResource(env),
        env_(env),
        listener_(std::move(listener)),
        on_connection_(std::make_shared<LoopCallback>(env, "gotgt:listener", on_connection)),
        on_error_(std::make_shared<LoopCallback>(env, "gotgt:listener", on_error)) {}

  int start(uv_loop_t* loop) {
    int result = add_poll(loop, &poll_, listener_->fd());
    if (result == 0) result = add_timer(loop, &pause_);
    if (result == 0) result = poll();
    return result;
  }

  const SocketAddress& local() const { return listener_->local(); }

 protected:
  void on_close() override {
    on_connection_.reset();
    on_error_.reset();
  }
  // The descriptor is closed only after the loop has forgotten it.
  void on_stopped() override { listener_.reset(); }

 private:
  template <typename Handle>
  static ListenerOnLoop* from(Handle* handle) {
    return static_cast<ListenerOnLoop*>(LoopResource::of(handle));
  }

  int poll() {
    return uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) { from(poll)->wake(); });
  }

  void wake() {
    Napi::HandleScope scope(env_);
    for (int accepted = 0; accepted < kAcceptsPerWake && !is_closed(); accepted++) {
      Connection connection;
      const int result = listener_->accept_next(&connection);
      if (result == -EAGAIN) return;
      if (result < 0) {
        pause(result);
        return;
      }
      hand_over(std::move(connection));
    }
  }

  void hand_over(Connection connection) {
    const std::vector<napi_value> arguments = {
        Napi::Number::New(env_, connection.fd.release()), Napi::String::New(env_, connection.remote.address),
        Napi::Number::New(env_, connection.remote.port),  Napi::String::New(env_, connection.local.address),
        Napi::Number::New(env_, connection.local.port),
    };
    const std::shared_ptr<LoopCallback> callback = on_connection_;  // the call may close us
    callback->call(arguments);
  }

  void pause(int error) {
    uv_poll_stop(&poll_);
    uv_timer_start(
        &pause_,
        [](uv_timer_t* timer) {
          if (!from(timer)->is_closed()) from(timer)->poll();
        },
        kErrorPauseMs, 0);
    const std::shared_ptr<LoopCallback> callback = on_error_;  // the call may close us
    callback->call({Napi::Number::New(env_, error)});
  }

  Napi::Env env_;
  std::unique_ptr<Listener> listener_;
  std::shared_ptr<LoopCallback> on_connection_;
  std::shared_ptr<LoopCallback> on_error_;
  uv_poll_t poll_;
  uv_timer_t pause_;
};

class ListenerObject final : public Napi::ObjectWrap<ListenerObject> {
 public:
  // Takes what listen_on gives it, nothing else.
  explicit ListenerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ListenerObject>(info) {
    if (info[0].IsExternal()) {
      listener_ = info[0].As<Napi::External<ListenerOnLoop>>().Data();
    } else {
      Napi::TypeError::New(info.Env(), "listeners are made by listen").ThrowAsJavaScriptException();
    }
  }

  ~ListenerObject() override {
    if (listener_ != nullptr) LoopResource::release(listener_);
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    listener_->close();
    return info.Env().Undefined();
  }

 private:
  ListenerOnLoop* listener_ = nullptr;
};

}  // namespace

Napi::Value listen_on(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const Napi::Object options = arguments.object(0);
  const Napi::Function on_connection = arguments.function(1);
  const Napi::Function on_error = arguments.function(2);
  if (!arguments.ok()) return arguments.fail();
  const std::string address = options.Get("address").ToString().Utf8Value();
  const uint32_t port = options.Get("port").ToNumber().Uint32Value();
  const Napi::Value backlog = options.Get("backlog");
  const int backlog_count = backlog.IsNumber() ? backlog.As<Napi::Number>().Int32Value() : kBacklogDefault;
  if (port > UINT16_MAX) return Napi::Number::New(env, -EINVAL);

  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return Napi::Number::New(env, -ENOTSUP);
  std::unique_ptr<Listener> opened;
  int result = Listener::open(address, static_cast<uint16_t>(port), backlog_count, &opened);
  if (result < 0) return Napi::Number::New(env, result);
  ListenerOnLoop* const listener = new ListenerOnLoop(env, std::move(opened), on_connection, on_error);
  result = listener->start(loop);
  if (result < 0) {
    LoopResource::release(listener);
    return Napi::Number::New(env, result);
  }

  AddonData* const data = env.GetInstanceData<AddonData>();
  Napi::Object object = data->listener_class.New({Napi::External<ListenerOnLoop>::New(env, listener)});
  if (object.IsEmpty()) {
    LoopResource::release(listener);
    return env.Undefined();
  }
  object.Set("address", listener->local().address);
  object.Set("port", listener->local().port);
  return object;
}

Napi::Function define_listener_class(Napi::Env env) {
  return ListenerObject::DefineClass(env, "NativeListener",
                                     {ListenerObject::InstanceMethod<&ListenerObject::close>("close")});
}

}  // namespace gotgt
