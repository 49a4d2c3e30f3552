"""A watermark with moviepy, as its own documentation puts a logo on a video: IN.mp4 MARK.png OUT.mp4."""

import sys

from moviepy import CompositeVideoClip, ImageClip, VideoFileClip

MARGIN = 10


def main(source: str, mark: str, target: str) -> None:
    """Write the watermarked video."""
    with VideoFileClip(source) as video:
        logo = ImageClip(mark).with_duration(video.duration)
        place = (video.w - logo.w - MARGIN, video.h - logo.h - MARGIN)
        CompositeVideoClip([video, logo.with_position(place)]).write_videofile(target, logger=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
