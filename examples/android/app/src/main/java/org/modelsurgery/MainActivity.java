package org.modelsurgery;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.net.Uri;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.view.TextureView;
import android.view.View;
import android.widget.AdapterView;
import android.widget.SeekBar;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A photo or the camera, its objects drawn, the latency of each stage. */
public final class MainActivity extends Activity {
    private static final int PICK_PHOTO = 1;
    private static final int ASK_CAMERA = 2;

    private final Handler main = new Handler(Looper.getMainLooper());
    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private NativeRuntime runtime; // the worker's alone
    private CameraPreview camera;
    private boolean streaming;
    private OverlayView overlay;
    private TextView latency;
    private Spinner provider;
    private SeekBar threads;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.main);
        overlay = findViewById(R.id.overlay);
        latency = findViewById(R.id.latency);
        provider = findViewById(R.id.provider);
        threads = findViewById(R.id.threads);
        TextureView preview = findViewById(R.id.preview);
        camera = new CameraPreview(preview, main, this::say);
        findViewById(R.id.gallery).setOnClickListener(view -> pickPhoto());
        findViewById(R.id.camera).setOnClickListener(view -> toggleCamera());
        provider.setOnItemSelectedListener(new OnProvider());
        threads.setOnSeekBarChangeListener(new OnThreads());
        showThreads();
    }

    @Override
    protected void onPause() {
        stopCamera();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        worker.execute(this::closeRuntime);
        worker.shutdown();
        super.onDestroy();
    }

    /** Opens the bundle with what the switches say; first called when the spinner is laid out. */
    private void reload() {
        String name = String.valueOf(provider.getSelectedItem());
        int count = threads.getProgress() + 1;
        say(getString(R.string.loading));
        worker.execute(
                () -> {
                    closeRuntime();
                    try {
                        runtime = new NativeRuntime(new BundleFiles(this), name, count);
                        main.post(() -> say(getString(R.string.ready)));
                    } catch (IOException error) {
                        main.post(() -> say(error.getMessage()));
                    }
                });
    }

    private void closeRuntime() {
        if (runtime != null) {
            runtime.close();
            runtime = null;
        }
    }

    private void pickPhoto() {
        stopCamera();
        Intent intent = new Intent(Intent.ACTION_GET_CONTENT).setType("image/*");
        startActivityForResult(intent, PICK_PHOTO);
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request != PICK_PHOTO || result != RESULT_OK || data == null) {
            return;
        }
        Uri photo = data.getData();
        worker.execute(
                () -> {
                    try (InputStream stream = getContentResolver().openInputStream(photo)) {
                        Bitmap image = BitmapFactory.decodeStream(stream);
                        if (image == null) {
                            throw new IOException(photo + " is not an image");
                        }
                        process(image, () -> {});
                    } catch (IOException error) {
                        main.post(() -> say(error.getMessage()));
                    }
                });
    }

    private void toggleCamera() {
        if (streaming) {
            stopCamera();
        } else if (checkSelfPermission(Manifest.permission.CAMERA)
                == PackageManager.PERMISSION_GRANTED) {
            streaming = true;
            camera.open();
            nextFrame();
        } else {
            requestPermissions(new String[] {Manifest.permission.CAMERA}, ASK_CAMERA);
        }
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] granted) {
        if (request != ASK_CAMERA) {
            return;
        }
        if (granted.length > 0 && granted[0] == PackageManager.PERMISSION_GRANTED) {
            toggleCamera();
        } else {
            say(getString(R.string.no_camera));
        }
    }

    private void stopCamera() {
        streaming = false;
        camera.close();
    }

    /** One frame at a time: the next one is taken when this one is drawn. */
    private void nextFrame() {
        if (!streaming) {
            return;
        }
        Bitmap frame = camera.frame();
        if (frame == null) { // the camera is still opening
            main.postDelayed(this::nextFrame, 100);
        } else {
            worker.execute(() -> process(frame, this::nextFrame));
        }
    }

    /** On the worker: run, then show on the main thread, then go on. */
    private void process(Bitmap image, Runnable next) {
        if (runtime == null) {
            return; // the reason why is on the screen
        }
        int width = image.getWidth();
        int height = image.getHeight();
        int[] argb = new int[width * height];
        image.getPixels(argb, 0, width, 0, 0, width, height);
        try {
            Result result = runtime.run(argb, height, width);
            main.post(
                    () -> {
                        overlay.show(image, result);
                        say(table(result));
                        next.run();
                    });
        } catch (IOException error) {
            main.post(() -> say(error.getMessage()));
        }
    }

    private static String table(Result result) {
        StringBuilder text = new StringBuilder();
        double total = 0;
        for (Map.Entry<String, Double> stage : result.latency.entrySet()) {
            total += stage.getValue();
            text.append(row(stage.getKey(), stage.getValue())).append('\n');
        }
        return text.append(row("total", total)).toString();
    }

    private static String row(String stage, double milliseconds) {
        return String.format(Locale.ROOT, "%-12s%8.1f ms", stage, milliseconds);
    }

    private void say(String text) {
        latency.setText(text);
    }

    private void showThreads() {
        TextView label = findViewById(R.id.threads_label);
        label.setText(getString(R.string.threads, threads.getProgress() + 1));
    }

    private final class OnProvider implements AdapterView.OnItemSelectedListener {
        @Override
        public void onItemSelected(AdapterView<?> parent, View view, int position, long id) {
            reload();
        }

        @Override
        public void onNothingSelected(AdapterView<?> parent) {
            // a spinner always has a selection
        }
    }

    private final class OnThreads implements SeekBar.OnSeekBarChangeListener {
        @Override
        public void onProgressChanged(SeekBar bar, int progress, boolean fromUser) {
            showThreads();
        }

        @Override
        public void onStartTrackingTouch(SeekBar bar) {
            // the value counts when the finger leaves
        }

        @Override
        public void onStopTrackingTouch(SeekBar bar) {
            reload();
        }
    }
}
