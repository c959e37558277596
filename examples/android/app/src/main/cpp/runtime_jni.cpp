/// The border between Java and the run time of examples/cpp: NativeRuntime.java.
///
/// What crosses it, and how:
/// - the native object as a jlong. A pointer is 32 bits wide on armeabi-v7a: it goes through
///   std::intptr_t, and Java holds it in a long, never in an int.
/// - text as byte[] in UTF-8. A jstring's GetStringUTFChars and NewStringUTF speak "modified
///   UTF-8", which differs beyond the 16-bit range and for the zero byte, and abort under CheckJNI.
/// - errors as {"error": line} in the answer: no C++ exception may leave a native method.
#include <jni.h>

#include <cstdint>
#include <string>
#include <vector>

#include "json_runtime.h"
#include "onnxruntime_graph.h"

namespace {

std::string text(JNIEnv* env, jbyteArray bytes) {
    std::string copy(static_cast<std::size_t>(env->GetArrayLength(bytes)), '\0');
    env->GetByteArrayRegion(bytes, 0, static_cast<jsize>(copy.size()),
                            reinterpret_cast<jbyte*>(copy.data()));
    return copy;
}

jbyteArray bytes(JNIEnv* env, const std::string& text) {
    const auto size = static_cast<jsize>(text.size());
    jbyteArray array = env->NewByteArray(size);
    if (array != nullptr) {  // otherwise an OutOfMemoryError is pending
        env->SetByteArrayRegion(array, 0, size, reinterpret_cast<const jbyte*>(text.data()));
    }
    return array;
}

surgery::JsonRuntime& runtime(jlong handle) {
    return *reinterpret_cast<surgery::JsonRuntime*>(static_cast<std::intptr_t>(handle));
}

}  // namespace

extern "C" {

JNIEXPORT jlong JNICALL Java_org_modelsurgery_NativeRuntime_create(JNIEnv*, jclass) {
    return static_cast<jlong>(reinterpret_cast<std::intptr_t>(new surgery::JsonRuntime));
}

JNIEXPORT void JNICALL Java_org_modelsurgery_NativeRuntime_destroy(JNIEnv*, jclass, jlong handle) {
    delete &runtime(handle);
}

JNIEXPORT jbyteArray JNICALL Java_org_modelsurgery_NativeRuntime_load(
    JNIEnv* env, jclass, jlong handle, jbyteArray folder, jbyteArray bundle_json,
    jbyteArray provider, jint threads) {
    surgery::SessionSettings settings;
    settings.provider = text(env, provider);
    settings.threads = threads;
    const surgery::OpenGraph open = surgery::onnxruntime_backend(text(env, folder), settings);
    return bytes(env, runtime(handle).load(text(env, bundle_json), open));
}

/// `argb` as Bitmap.getPixels gives them: one int a pixel, blue in the lowest byte.
JNIEXPORT jbyteArray JNICALL Java_org_modelsurgery_NativeRuntime_run(JNIEnv* env, jclass,
                                                                     jlong handle, jintArray argb,
                                                                     jint height, jint width) {
    std::vector<jint> pixels(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
    env->GetIntArrayRegion(argb, 0, static_cast<jsize>(pixels.size()), pixels.data());
    if (env->ExceptionCheck() == JNI_TRUE) {  // the array is shorter than height * width
        return nullptr;
    }
    const auto* first = reinterpret_cast<const std::uint8_t*>(pixels.data());
    return bytes(env, runtime(handle).run(surgery::without_alpha(first, height, width, 0, 1, 2)));
}

}  // extern "C"
