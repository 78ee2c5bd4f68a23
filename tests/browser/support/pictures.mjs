// SPDX-License-Identifier: Apache-2.0
//
// Compares two PNG files as a browser shows them.

import { newContext } from "./chromium.mjs";

const VISIBLE = 24; // Of 255: a smaller difference of a channel is none.

/** The sizes of both, and the share of pixels that differ visibly; 1 if the sizes do. */
export async function compare(browser, one, other) {
  const page = await (await newContext(browser)).newPage();
  try {
    return await page.evaluate(compareInPage, {
      urls: [one, other].map((png) => `data:image/png;base64,${png.toString("base64")}`),
      visible: VISIBLE });
  } finally {
    await page.context().close();
  }
}

async function compareInPage({ urls, visible }) {
  const [a, b] = await Promise.all(urls.map(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return { size: `${width}x${height}`, data: canvas.getImageData(0, 0, width, height).data };
  }));
  if (a.size !== b.size) return { sizes: [a.size, b.size], share: 1 };
  let different = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    const differs = (channel) => Math.abs(a.data[i + channel] - b.data[i + channel]) > visible;
    if (differs(0) || differs(1) || differs(2)) different++;
  }
  return { sizes: [a.size, b.size], share: different / (a.data.length / 4) };
}
