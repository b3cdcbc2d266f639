#include "js_sender.h"

#include <memory>

#include "addon_data.h"
#include "napi_check.h"
#include "piece_sender.h"

namespace gotgt {

namespace {

class SenderObject final : public Napi::ObjectWrap<SenderObject> {
 public:
  // new NativeSender(memories): Uint8Arrays, which stay for as long as the sender.
  explicit SenderObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SenderObject>(info) {
    const Napi::Array memories = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < memories.Length(); i++) {
      Napi::Uint8Array memory = memories.Get(i).As<Napi::Uint8Array>();
      sender_.add_memory(reinterpret_cast<char*>(memory.Data()), memory.ByteLength());
    }
    memories_ = Napi::Persistent(memories.As<Napi::Object>());
  }

  // -EINVAL for what is no descriptor and no count.
  Napi::Value send(const Napi::CallbackInfo& info) {
    const int fd = info[0].As<Napi::Number>().Int32Value();
    const uint32_t count = info[1].As<Napi::Number>().Uint32Value();
    return Napi::Number::New(info.Env(), static_cast<double>(sender_.send(fd, count)));
  }

  // -EINVAL for what is no count.
  Napi::Value seal(const Napi::CallbackInfo& info) {
    const uint32_t count = info[0].As<Napi::Number>().Uint32Value();
    return Napi::Number::New(info.Env(), sender_.seal(count));
  }

  PieceSender& sender() { return sender_; }

 private:
  PieceSender sender_;
  Napi::ObjectReference memories_;
};

bool are_memories(const Napi::Array& array) {
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Value memory = array.Get(i);
    if (!memory.IsTypedArray() || memory.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) return false;
  }
  return true;
}

}  // namespace

Napi::Value create_sender(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info);
  const Napi::Array memories = arguments.array(0);
  if (!arguments.ok()) return arguments.fail();
  if (!are_memories(memories)) {
    Napi::TypeError::New(env, "argument 1 holds what is no Uint8Array").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  // A copy: what the caller does to its array later changes nothing here.
  Napi::Array kept = Napi::Array::New(env, memories.Length());
  for (uint32_t i = 0; i < memories.Length(); i++) kept.Set(i, memories.Get(i));
  Napi::Object object = env.GetInstanceData<AddonData>()->sender_class.New({kept});
  if (object.IsEmpty()) return env.Undefined();
  const std::shared_ptr<PieceTable>& table = SenderObject::Unwrap(object)->sender().table();
  auto holder = std::make_unique<std::shared_ptr<PieceTable>>(table);
  object.Set("pieces",
             Napi::ArrayBuffer::New(
                 env, table->pieces.data(), table->pieces.size() * sizeof(SendPiece),
                 [](Napi::BasicEnv, void*, std::shared_ptr<PieceTable>* held) { delete held; }, holder.release()));
  return object;
}

Napi::Function define_sender_class(Napi::Env env) {
  return SenderObject::DefineClass(env, "NativeSender",
                                   {SenderObject::InstanceMethod<&SenderObject::send>("send"),
                                    SenderObject::InstanceMethod<&SenderObject::seal>("seal")});
}

}  // namespace gotgt
