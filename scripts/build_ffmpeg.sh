#!/bin/sh
# Builds ffmpeg and ffprobe for sound alone, from Debian's own source package, into a folder. For the image: Debian's
# binary package brings 460 MB of libraries for pictures, screens and devices; these two take 9 MB. They open files and
# pipes only: the network is not in them.
# usage: build_ffmpeg.sh FOLDER   (Debian, as root; needs libmp3lame0, libopus0 and libopencore-amrnb0 to run)
set -eu
target=$1
work=$(mktemp -d)
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >/etc/apt/sources.list.d/sources-of-debian.sources
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
    dpkg-dev gcc libc6-dev make nasm pkg-config libmp3lame-dev libopencore-amrnb-dev libopus-dev
cd "$work"
apt-get source -qq ffmpeg
cd ffmpeg-*/
./configure --prefix="$target" --disable-everything --disable-autodetect --disable-debug --disable-doc \
    --disable-ffplay --disable-network --enable-version3 \
    --enable-libmp3lame --enable-libopencore-amrnb --enable-libopus \
    --enable-protocol=file,pipe \
    --enable-demuxer='aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,caf,flac,flv,gsm,matroska,mov,mp3,mpegts,ogg,pcm_*,w64,wav,wv' \
    --enable-decoder='aac,aac_latm,ac3,adpcm_*,alac,amrnb,amrwb,ape,eac3,flac,gsm,gsm_ms,mp1,mp2,mp3,opus,pcm_*,vorbis,wavpack,wma*' \
    --enable-parser='aac,aac_latm,ac3,amr,flac,gsm,mpegaudio,opus,vorbis' \
    --enable-encoder='aac,alac,flac,libmp3lame,libopencore_amrnb,libopus,pcm_*' \
    --enable-muxer='adts,amr,flac,ipod,mp3,mp4,ogg,opus,pcm_*,wav,webm' \
    --enable-filter='aformat,afade,amix,anull,aresample,atempo,atrim,concat,loudnorm,pan,silenceremove,volume' \
    --enable-bsf=aac_adtstoasc
make -j"$(nproc)"
make install-progs
strip "$target"/bin/*
mkdir -p "$target/share/doc/ffmpeg"
cp COPYING.LGPLv3 "$target/share/doc/ffmpeg/"
dpkg-parsechangelog -S Version | sed 's/^/built from the Debian source package ffmpeg /' >"$target/share/doc/ffmpeg/SOURCE"
rm -rf "$work"
