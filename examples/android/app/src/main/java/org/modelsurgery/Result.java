package org.modelsurgery;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Objects of one image, in its pixels, and the milliseconds that each stage took. */
final class Result {
    /** One object. Points are x, y pairs; of contours or keypoints, one is empty. */
    static final class Instance {
        final String label;
        final double score;
        final float[] box;
        final float[] contour;
        final float[] keypoints;

        Instance(JSONObject object) throws JSONException {
            label = object.getString("label");
            score = object.getDouble("score");
            JSONArray corners = object.getJSONArray("box");
            box = new float[4];
            for (int i = 0; i < box.length; i++) {
                box[i] = (float) corners.getDouble(i);
            }
            contour = points(object.optJSONArray("contour"));
            keypoints = points(object.optJSONArray("keypoints"));
        }

        private static float[] points(JSONArray rows) throws JSONException {
            float[] flat = new float[rows == null ? 0 : 2 * rows.length()];
            for (int i = 0; i < flat.length; i++) {
                flat[i] = (float) rows.getJSONArray(i / 2).getDouble(i % 2);
            }
            return flat;
        }
    }

    final List<Instance> instances = new ArrayList<>();
    final Map<String, Double> latency = new LinkedHashMap<>();

    Result(JSONObject answer) throws IOException {
        try {
            JSONArray objects = answer.getJSONArray("instances");
            for (int i = 0; i < objects.length(); i++) {
                instances.add(new Instance(objects.getJSONObject(i)));
            }
            JSONObject stages = answer.getJSONObject("latency");
            for (Iterator<String> names = stages.keys(); names.hasNext(); ) {
                String name = names.next();
                latency.put(name, stages.getDouble(name));
            }
        } catch (JSONException error) {
            throw new IOException("the native side's answer is not a result", error);
        }
    }
}
