package org.modelsurgery;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.json.JSONException;
import org.json.JSONObject;

/** The run time in C++ (runtime_jni.cpp). Not for several threads at once. */
final class NativeRuntime implements AutoCloseable {
    static {
        System.loadLibrary("surgery_jni");
    }

    private long handle = create();

    /**
     * Opens a bundle's graphs.
     *
     * @param bundle the bundle's files
     * @param provider "CPU", "Xnnpack" or "Nnapi"
     * @param threads threads within an operator, 0 for ONNX Runtime's choice
     * @throws IOException what is at fault, in one line
     */
    NativeRuntime(BundleFiles bundle, String provider, int threads) throws IOException {
        byte[] answer =
                load(handle, utf8(bundle.folder()), utf8(bundle.json()), utf8(provider), threads);
        try {
            parsed(answer);
        } catch (IOException error) {
            close();
            throw error;
        }
    }

    /**
     * Finds the objects of an image.
     *
     * @param argb pixels as Bitmap.getPixels gives them
     */
    Result run(int[] argb, int height, int width) throws IOException {
        if (handle == 0) {
            throw new IllegalStateException("the run time is closed");
        }
        return new Result(parsed(run(handle, argb, height, width)));
    }

    @Override
    public void close() {
        if (handle != 0) {
            destroy(handle);
            handle = 0;
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static JSONObject parsed(byte[] answer) throws IOException {
        try {
            JSONObject value = new JSONObject(new String(answer, StandardCharsets.UTF_8));
            if (value.has("error")) {
                throw new IOException(value.getString("error"));
            }
            return value;
        } catch (JSONException error) {
            throw new IOException("the native side's answer is not JSON", error);
        }
    }

    private static native long create();

    private static native void destroy(long handle);

    private static native byte[] load(
            long handle, byte[] folder, byte[] bundleJson, byte[] provider, int threads);

    private static native byte[] run(long handle, int[] argb, int height, int width);
}
