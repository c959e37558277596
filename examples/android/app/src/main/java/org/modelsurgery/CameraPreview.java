package org.modelsurgery;

import android.annotation.SuppressLint;
import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.SurfaceTexture;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.os.Handler;
import android.view.Surface;
import android.view.TextureView;
import java.util.Collections;
import java.util.function.Consumer;

/** The first camera on a TextureView, from which frames are taken as bitmaps. */
final class CameraPreview {
    private final TextureView view;
    private final Handler handler;
    private final Consumer<String> onError;
    private CameraDevice device;

    CameraPreview(TextureView view, Handler handler, Consumer<String> onError) {
        this.view = view;
        this.handler = handler;
        this.onError = onError;
    }

    /** The caller holds the permission. */
    @SuppressLint("MissingPermission")
    void open() {
        CameraManager manager =
                (CameraManager) view.getContext().getSystemService(Context.CAMERA_SERVICE);
        try {
            String[] cameras = manager.getCameraIdList();
            if (cameras.length == 0) {
                onError.accept("this device has no camera");
                return;
            }
            manager.openCamera(cameras[0], new Opened(), handler);
        } catch (CameraAccessException error) {
            onError.accept(error.getMessage());
        }
    }

    void close() {
        if (device != null) {
            device.close();
            device = null;
        }
    }

    /** The newest frame, or null where there is none yet. */
    Bitmap frame() {
        return device != null && view.isAvailable() ? view.getBitmap() : null;
    }

    private final class Opened extends CameraDevice.StateCallback {
        @Override
        public void onOpened(CameraDevice camera) {
            SurfaceTexture texture = view.getSurfaceTexture();
            if (texture == null) { // the view has gone meanwhile
                camera.close();
                return;
            }
            device = camera;
            Surface surface = new Surface(texture);
            try {
                CaptureRequest.Builder request =
                        camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
                request.addTarget(surface);
                camera.createCaptureSession(
                        Collections.singletonList(surface),
                        new Configured(request.build()),
                        handler);
            } catch (CameraAccessException error) {
                onError.accept(error.getMessage());
            }
        }

        @Override
        public void onDisconnected(CameraDevice camera) {
            close();
        }

        @Override
        public void onError(CameraDevice camera, int error) {
            close();
            onError.accept("the camera failed with error " + error);
        }
    }

    private final class Configured extends CameraCaptureSession.StateCallback {
        private final CaptureRequest request;

        Configured(CaptureRequest request) {
            this.request = request;
        }

        @Override
        public void onConfigured(CameraCaptureSession session) {
            try {
                session.setRepeatingRequest(request, null, handler);
            } catch (CameraAccessException error) {
                onError.accept(error.getMessage());
            }
        }

        @Override
        public void onConfigureFailed(CameraCaptureSession session) {
            onError.accept("the camera cannot be configured");
        }
    }
}
