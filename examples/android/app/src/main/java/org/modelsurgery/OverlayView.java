package org.modelsurgery;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Matrix;
import android.graphics.Paint;
import android.graphics.Path;
import android.graphics.RectF;
import android.util.AttributeSet;
import android.view.View;
import java.util.Locale;

/** An image as large as the view allows, and the objects found in it. */
public final class OverlayView extends View {
    private static final double LEAST_SCORE = 0.3;

    private final Paint line = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint inside = new Paint(Paint.ANTI_ALIAS_FLAG);
    private final Paint letters = new Paint(Paint.ANTI_ALIAS_FLAG);
    private Bitmap image;
    private Result result;

    /** Called by the layout. */
    public OverlayView(Context context, AttributeSet attributes) {
        super(context, attributes);
        float density = getResources().getDisplayMetrics().density;
        line.setStyle(Paint.Style.STROKE);
        line.setStrokeWidth(2 * density);
        letters.setTextSize(13 * density);
    }

    void show(Bitmap image, Result result) {
        this.image = image;
        this.result = result;
        invalidate();
    }

    @Override
    protected void onDraw(Canvas canvas) {
        super.onDraw(canvas);
        if (image == null) {
            return;
        }
        Matrix toView = new Matrix();
        toView.setRectToRect(
                new RectF(0, 0, image.getWidth(), image.getHeight()),
                new RectF(0, 0, getWidth(), getHeight()),
                Matrix.ScaleToFit.CENTER);
        canvas.drawBitmap(image, toView, null);
        for (int i = result.instances.size() - 1; i >= 0; i--) { // the best one last, on top
            if (result.instances.get(i).score >= LEAST_SCORE) {
                draw(canvas, toView, result.instances.get(i), color(i));
            }
        }
    }

    private void draw(Canvas canvas, Matrix toView, Result.Instance instance, int color) {
        line.setColor(color);
        inside.setColor(color);
        inside.setAlpha(90);
        letters.setColor(color);
        float[] box = instance.box.clone();
        float[] corners = {box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3]};
        float[] points = instance.contour.length > 0 ? instance.contour.clone() : corners;
        if (instance.keypoints.length > 0) {
            points = instance.keypoints.clone();
        }
        toView.mapPoints(points);
        toView.mapPoints(box);
        if (instance.keypoints.length > 0) {
            for (int i = 0; i < points.length; i += 2) {
                canvas.drawCircle(points[i], points[i + 1], 2 * line.getStrokeWidth(), inside);
            }
        } else {
            Path path = new Path();
            path.moveTo(points[0], points[1]);
            for (int i = 2; i < points.length; i += 2) {
                path.lineTo(points[i], points[i + 1]);
            }
            path.close();
            canvas.drawPath(path, inside);
            canvas.drawPath(path, line);
        }
        String text = String.format(Locale.ROOT, "%s %.2f", instance.label, instance.score);
        canvas.drawText(text, box[0], Math.max(box[1], letters.getTextSize()), letters);
    }

    /** Hues a golden angle apart, so that any few differ. */
    private static int color(int index) {
        return Color.HSVToColor(new float[] {(index * 222.49f + 7) % 360, 0.9f, 0.95f});
    }
}
